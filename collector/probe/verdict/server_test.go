package verdict_test

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestServers(t *testing.T) {
	t.Parallel()
	const unnamed = 0
	for _, test := range []struct {
		situation string
		// met are the servers by when they were started, one a minute.
		met   []float64
		again bool
		count int
		since time.Duration // the last one
	}{
		{"none", nil, false, 0, 0},
		{"one server", []float64{1, 1, 1}, false, 1, 0},
		{"a restart", []float64{1, 2, 2}, false, 2, 0},
		{"a failover, and one back", []float64{1, 2, 1}, true, 2, 0},
		{"two in turn", []float64{1, 2, 1, 2}, true, 2, 0},
		{"three, each once", []float64{1, 2, 3}, false, 3, 0},
		{"one that does not tell who it is", []float64{1, unnamed, 1}, false, 1, 0},
		{"nobody tells", []float64{unnamed, unnamed}, false, 0, 0},
		{"an hour later", []float64{1, 2}, false, 1, time.Hour},
		{"two hours later", []float64{1, 2, 1}, true, 0, 2 * time.Hour},
	} {
		var servers verdict.Servers
		now, again := time.Unix(0, 0), false
		for _, started := range test.met {
			now = now.Add(time.Minute)
			if met := (verdict.Server{System: 1}); started == unnamed {
				again = servers.Meet(met, now) || again
			} else {
				again = servers.Meet(server(started), now) || again
			}
		}
		if count := servers.Count(now.Add(test.since)); again != test.again || count != test.count {
			t.Errorf("%s: %d servers, in turn: %v; want %d and %v", test.situation, count, again, test.count, test.again)
		}
	}
}
