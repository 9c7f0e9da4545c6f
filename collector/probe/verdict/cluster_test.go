package verdict_test

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestAgree(t *testing.T) {
	t.Parallel()
	type cluster = verdict.Cluster
	const ours, other, third = 7, 8, 9
	for _, test := range []struct {
		situation string
		known     cluster
		answers   []uint64
		want      cluster
	}{
		{"nobody answers yet", cluster{}, []uint64{0, 0}, cluster{}},
		{"one node", cluster{}, []uint64{ours}, cluster{System: ours}},
		{"a pair", cluster{}, []uint64{ours, ours}, cluster{System: ours}},
		{"one of a pair answers", cluster{}, []uint64{0, ours}, cluster{System: ours, Provisional: true}},
		{"one of three answers", cluster{}, []uint64{0, 0, ours}, cluster{System: ours, Provisional: true}},
		{"two of three answer", cluster{}, []uint64{0, ours, ours}, cluster{System: ours}},
		{"two of four answer", cluster{}, []uint64{0, 0, ours, ours}, cluster{System: ours, Provisional: true}},

		// A wrong address.
		{"the second address of a pair is wrong", cluster{}, []uint64{ours, other}, cluster{System: ours}},
		{"one address of three is wrong, the first", cluster{}, []uint64{other, ours, ours}, cluster{System: ours}},
		{"one address of three is wrong, a node is down", cluster{}, []uint64{ours, other, 0}, cluster{System: ours}},
		{"the addresses of three are all apart", cluster{}, []uint64{ours, other, third}, cluster{System: ours}},
		{"a known pair, one address leads elsewhere now", cluster{System: ours}, []uint64{ours, other}, cluster{System: ours}},
		{"so it does, and the other node is down", cluster{System: ours}, []uint64{0, other}, cluster{System: ours}},
		{"two addresses of three lead elsewhere", cluster{System: ours}, []uint64{other, ours, other}, cluster{System: ours}},
		{"the primary is down, and a wrong node up", cluster{}, []uint64{0, other}, cluster{System: other, Provisional: true}},
		{"the primary comes back", cluster{System: other, Provisional: true}, []uint64{ours, other}, cluster{System: ours}},
		{"the primary comes back, the wrong node is gone", cluster{System: other, Provisional: true}, []uint64{ours, 0}, cluster{System: ours, Provisional: true}},

		// Made again on the same addresses.
		{"both of a pair are of a new cluster", cluster{System: ours}, []uint64{other, other}, cluster{System: other}},
		{"a single node is of a new cluster", cluster{System: ours}, []uint64{other}, cluster{System: other}},
		{"two of three are, one is down", cluster{System: ours}, []uint64{other, 0, other}, cluster{System: other}},
		{"one of three is, two are down", cluster{System: ours}, []uint64{other, 0, 0}, cluster{System: ours}},
		{"they are of two new clusters", cluster{System: ours}, []uint64{other, other, third}, cluster{System: ours}},

		// Nothing new.
		{"nobody answers any more", cluster{System: ours}, []uint64{0, 0}, cluster{System: ours}},
		{"nobody answers, while it is provisional", cluster{System: ours, Provisional: true}, []uint64{0, 0}, cluster{System: ours, Provisional: true}},
		{"it proves true", cluster{System: ours, Provisional: true}, []uint64{ours, ours}, cluster{System: ours}},
	} {
		if got := verdict.Agree(test.known, test.answers); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.situation, got, test.want)
		}
	}
}
