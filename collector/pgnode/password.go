package pgnode

import (
	"unicode"

	"github.com/xdg-go/stringprep"
)

// prepared is SASLprep (RFC 4013) as PostgreSQL does it. It differs from the package's own
// in two things: a zero width space becomes a space, and what is prohibited is looked
// for before the normalisation, which makes many a character out of others.
var (
	allowed = stringprep.Profile{
		Mappings: []stringprep.Mapping{spaces(stringprep.TableC1_2), stringprep.TableB1},
		Prohibits: []stringprep.Set{
			stringprep.TableA1, stringprep.TableC2_1, stringprep.TableC2_2, stringprep.TableC3, stringprep.TableC4,
			stringprep.TableC5, stringprep.TableC6, stringprep.TableC7, stringprep.TableC8, stringprep.TableC9,
		},
		CheckBiDi: true,
	}
	normalized = stringprep.Profile{Normalize: true}
)

// spaces maps every character of a set to a space.
func spaces(set stringprep.Set) stringprep.Mapping {
	mapping := stringprep.Mapping{}
	for _, of := range set {
		for r := of[0]; r <= of[1]; r++ {
			mapping[r] = []rune{' '}
		}
	}
	return mapping
}

// saslPrepared returns a password as SCRAM takes it. What SASLprep does not allow is
// taken as it is, by PostgreSQL too.
func saslPrepared(password string) string {
	if isASCII(password) {
		return password
	}
	mapped, err := allowed.Prepare(password)
	if err != nil || mapped == "" {
		return password
	}
	prepared, err := normalized.Prepare(mapped)
	if err != nil {
		return password
	}
	return prepared
}

func isASCII(s string) bool {
	for _, r := range s {
		if r > unicode.MaxASCII {
			return false
		}
	}
	return true
}
