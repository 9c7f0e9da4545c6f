//go:build unix

package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfiguration(t *testing.T) {
	c := &configuration{}
	c.add("c0001", []string{"host=127.1.1.1 port=5432", "host=127.1.1.2 port=5432"})
	c.add("pair1", []string{"postgres://canary:p%40@127.0.0.1:5432/postgres"})
	file := filepath.Join(t.TempDir(), "fleet.yml")
	must(t, c.write(file))
	got, err := os.ReadFile(file)
	must(t, err)
	const want = `clusters:
    - name: c0001
      labels:
        team: laboratory
      nodes:
        - name: c0001-1
          dsn: host=127.1.1.1 port=5432
        - name: c0001-2
          dsn: host=127.1.1.2 port=5432
    - name: pair1
      labels:
        team: laboratory
      nodes:
        - name: pair1-1
          dsn: postgres://canary:p%40@127.0.0.1:5432/postgres
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestPlot: the picture names what it shows, and stays within its edges whatever the figures are.
func TestPlot(t *testing.T) {
	row := func(clusters, resident int, cpu float64, most time.Duration) figures {
		f := figures{clusters: clusters}
		f.resident, f.cpu, f.most = resident, cpu, most
		return f
	}
	for name, rows := range map[string][]figures{
		"usual":   {row(1, 20e6, 0.001, 2*time.Millisecond), row(10, 22e6, 0.004, 3*time.Millisecond), row(1000, 200e6, 0.3, 9*time.Millisecond)},
		"one":     {row(1, 20e6, 0.001, 2*time.Millisecond)},
		"nothing": {row(1, 0, 0, -time.Millisecond), row(10, 0, 0, 0)},
	} {
		text := plot(rows, Options{Replicas: 2, Interval: 15 * time.Second})
		for _, want := range []string{"clusters of 3 servers, scraped every 15s", "Resident memory", "prefers-color-scheme: dark", "</svg>"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the picture lacks %q", name, want)
			}
		}
		for _, wrong := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s: the picture has %s:\n%s", name, wrong, text)
			}
		}
	}
}
