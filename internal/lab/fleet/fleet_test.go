//go:build unix

package fleet

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// TestShort runs every scenario on a few clusters, all at once: they wait most of the time. How good the figures
// are, the long form says.
func TestShort(t *testing.T) {
	program, err := exporter.Build(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, program.Close()) })
	options := Options{
		Clusters: 10, Replicas: 2, Minutes: 0.1, Interval: time.Second, Away: 2 * time.Second, Pairs: 1,
		SVG: filepath.Join(t.TempDir(), "fleet.svg"),
	}
	wanted := map[string][]string{
		"sizes": {`\n1 +[1-9]\d* `, `\n10 +[1-9]\d* .* \d+ +30 `},
		"start and reload": {
			`Start with all 10 clusters`, `until every cluster had a right one +\d`, `10 reloads with one of 10 clusters changed`,
			`as the log says +10 `, `began anew +[01] `,
		},
		"faults": {
			`\nhealthy +7 +[1-9]`, `\nhung +1 +[1-9]`, `\nrefusing +1 +[1-9]`, `\nwith a replica 200ms away +1 +[1-9]`, `of a core and`,
		},
		"gone":  {`All 30 servers are gone for 2s, and back`, `until every cluster had a right scrape +\d`, `in the end +\d+, \d+`},
		"pairs": {`\nsimulated +[1-9]`, `\nreal +[1-9]`},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := s.run(&bench{options, program, &out}, t.Context()); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			for _, want := range wanted[s.name] {
				if !regexp.MustCompile(want).Match(out.Bytes()) {
					t.Errorf("it does not say %q:\n%s", want, &out)
				}
			}
			if text := out.String(); strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
				t.Errorf("some figure is none:\n%s", text)
			}
		})
	}
}
