package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// TestTurns: one cluster asks at once, and many after one another, in a few seconds.
func TestTurns(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	found := config.Cluster{Discover: &config.Discover{DNS: "pg.example"}}
	clusters := map[string]config.Cluster{"a": found, "b": found, "c": found, "listed": {}, "d": found}
	for name, test := range map[string]struct {
		changes config.Changes
		want    map[string]time.Duration
	}{
		"nothing":                   {config.Changes{Unchanged: []string{"a"}}, map[string]time.Duration{}},
		"one":                       {config.Changes{Added: []string{"b"}, Unchanged: []string{"a"}}, map[string]time.Duration{"b": 0}},
		"some":                      {config.Changes{Added: []string{"b", "a", "c"}}, map[string]time.Duration{"b": 0, "a": 5 * ms, "c": 10 * ms}},
		"one whose nodes are known": {config.Changes{Added: []string{"listed", "a"}}, map[string]time.Duration{"a": 0}},
		"some that ask elsewhere": {config.Changes{Added: []string{"d"}, Changed: []config.Change{
			{Name: "a", Settings: true}, {Name: "b", Discover: true}, {Name: "listed", Discover: true}, {Name: "c", Discover: true},
		}}, map[string]time.Duration{"d": 0, "b": 5 * ms, "c": 10 * ms}},
	} {
		if diff := cmp.Diff(test.want, turns(clusters, test.changes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestManyTurns: however many there are, the last one asks within a few seconds, and no two at once.
func TestManyTurns(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 2, 1000, 1001, 10000} {
		clusters, changes := map[string]config.Cluster{}, config.Changes{}
		for i := range count {
			name := fmt.Sprint("cluster", i)
			clusters[name] = config.Cluster{Discover: &config.Discover{SRV: "_postgresql._tcp.pg.example"}}
			changes.Added = append(changes.Added, name)
		}
		all := turns(clusters, changes)
		at := map[time.Duration]bool{}
		for name, after := range all {
			if after < 0 || after >= allAsked || at[after] {
				t.Fatalf("of %d clusters, %s asks after %v", count, name, after)
			}
			at[after] = true
		}
		if len(all) != count || !at[0] {
			t.Errorf("of %d clusters %d ask, one at once: %v", count, len(all), at[0])
		}
	}
}
