package collector

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestWhatIsLeftBehind is told of a line that another one has left, and not where the older line is kept.
func TestWhatIsLeftBehind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kept   []verdict.Era
		behind bool
	}{
		"the new line is kept":   {[]verdict.Era{{ID: 1}, {ID: 2, From: 7}}, true},
		"the old line is kept":   {[]verdict.Era{{ID: 1}}, false},
		"one beside it is kept":  {[]verdict.Era{{ID: 5}, {ID: 1, From: 3}}, false},
		"nothing known of lines": {nil, false},
	} {
		loss := &verdict.Loss{Commits: 3, Era: 1, FirstLSN: 120, LastLSN: 150}
		if name == "the old line is kept" {
			loss.Era = 2
		}
		var logged bytes.Buffer
		j := newJournal(log.NewLogfmtLogger(&logged))
		j.logChanges(&probe.Result{Primary: "a", Lost: loss, Write: &probe.Write{Row: verdict.Row{Eras: test.kept, Fork: 100}}})
		if got := strings.Contains(logged.String(), "fork_lsn"); got != test.behind {
			t.Errorf("%s: %s", name, &logged)
		}
	}
}
