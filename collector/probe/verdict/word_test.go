package verdict_test

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestWordIsHeeded only where it was asked for when all that take writes were known to.
func TestWordIsHeeded(t *testing.T) {
	t.Parallel()
	claim := func(since float64) verdict.Claim { return verdict.Claim{Server: server(1), Since: moment(since)} }
	for _, test := range []struct {
		situation string
		word      verdict.Word
		claims    []verdict.Claim
		want      int
	}{
		{"asked after both were known", verdict.Word{Leader: 1, Asked: moment(20)}, []verdict.Claim{claim(10), claim(15), {}}, 1},
		{"asked before the second one was known", verdict.Word{Leader: 1, Asked: moment(12)}, []verdict.Claim{claim(10), claim(15), {}}, -1},
		{"asked at that moment", verdict.Word{Leader: 1, Asked: moment(15)}, []verdict.Claim{claim(10), claim(15)}, -1},
		{"none takes writes", verdict.Word{Leader: 1, Asked: moment(1)}, []verdict.Claim{{}, {}}, 1},
		{"never asked", verdict.Word{Leader: -1}, []verdict.Claim{claim(10), claim(15)}, -1},
		{"never asked, and none takes writes", verdict.Word{Leader: -1}, []verdict.Claim{{}, {}}, -1},
	} {
		if got := test.word.Heeded(test.claims); got != test.want {
			t.Errorf("%s: %d, want %d", test.situation, got, test.want)
		}
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	known := verdict.Claim{Server: server(1), Since: moment(10)}
	for _, test := range []struct {
		situation string
		before    verdict.Claim
		member    member
		want      verdict.Claim
	}{
		{"it takes writes for the first time", verdict.Claim{}, oldPrimary, verdict.Claim{Server: server(1), Since: moment(30)}},
		{"it still does", known, oldPrimary, known},
		{"it does not answer", known, member{}, known},
		{"it is in recovery", known, follows(1, 1, atFork), verdict.Claim{}},
		{"another server has its name, and takes writes", known, rogue, verdict.Claim{Server: server(2), Since: moment(30)}},
		{"it is of another cluster now", known, with(oldPrimary, func(m *member) { m.Foreign = true }), verdict.Claim{}},
		{"it does not say who it is", known, unknown(oldPrimary), verdict.Claim{Since: moment(30)}},
	} {
		if got := test.before.After(test.member, moment(30)); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.situation, got, test.want)
		}
	}
}
