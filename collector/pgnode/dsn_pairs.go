package pgnode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settings are a connection string's parameters by libpq's names.
type settings map[string]string

// setOnce adds a parameter of the connection string. When a name comes twice,
// libpq takes the last; here it means that two connection strings ran into each
// other.
func (s settings) setOnce(name, value string) error {
	if _, ok := s[name]; ok {
		return fmt.Errorf("the connection string gives %s twice; each node needs its own connection string, in a variable one per line", name)
	}
	s[name] = value
	return nil
}

// escaped writes a value as it stands between quotes.
var escaped = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// String returns the settings as keyword='value' pairs.
func (s settings) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s='%s' ", name, escaped.Replace(s[name]))
	}
	return b.String()
}

const asciiSpace = " \t\n\r\v\f"

// splitPairs splits keyword=value pairs as libpq does, and is stricter where
// libpq accepts what nobody means.
func splitPairs(dsn string) (settings, error) {
	found := settings{}
	for number := 1; dsn != ""; number++ {
		word, rest, ok := strings.Cut(dsn, "=")
		word = strings.TrimRight(word, asciiSpace)
		if !ok || word == "" || strings.ContainsAny(word, asciiSpace) {
			return nil, notPairs(number)
		}
		name, err := keyword(word, fmt.Sprintf("keyword number %d of the connection string", number))
		if err != nil {
			return nil, err
		}
		value, rest, err := cutValue(strings.TrimLeft(rest, asciiSpace), number)
		if err != nil {
			return nil, err
		}
		if err := found.setOnce(name, value); err != nil {
			return nil, err
		}
		dsn = rest
	}
	return found, nil
}

func notPairs(number int) error {
	return fmt.Errorf("the connection string is neither a postgres:// URL nor keyword=value pairs such as "+
		"host=db port=5432 user=canary dbname=app; values with spaces or quotes are written in '…' (see pair number %d)", number)
}

// cutValue cuts the value off the beginning, with what follows it up to the next
// keyword.
func cutValue(s string, number int) (value, rest string, err error) {
	quoted := strings.HasPrefix(s, "'")
	end, closed := valueEnd(s, quoted)
	value, rest = s[:end], s[end:]
	switch {
	case quoted && !closed:
		return "", "", notPairs(number)
	case quoted:
		value, rest = value[1:], rest[1:]
		if rest != "" && !strings.ContainsAny(rest[:1], asciiSpace) {
			return "", "", notPairs(number)
		}
	case strings.IndexFunc(value, isQuote) == 0:
		return "", "", fmt.Errorf("the value of pair number %d begins with a quote other than ': only '…' quotes a value; "+
			`one that really begins with " is written '"…'`, number)
	}
	value, ok := unescape(value)
	if !ok {
		return "", "", errors.New("the connection string ends in a backslash; a backslash in a value is written twice")
	}
	return value, strings.TrimLeft(rest, asciiSpace), nil
}

// valueEnd returns where the value ends, before a closing quote.
func valueEnd(s string, quoted bool) (end int, closed bool) {
	stop := asciiSpace
	if quoted {
		end, stop = 1, "'"
	}
	for ; end < len(s); end++ {
		if strings.IndexByte(stop, s[end]) >= 0 {
			return end, true
		}
		if s[end] == '\\' {
			end++ // Skip the escaped character.
		}
	}
	return len(s), false
}

// unescape removes the backslashes; it is not ok when nothing follows the last one.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}
