//go:build unix

package fleet

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(status)
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// servers starts a primary and a replica that are set up for the exporter.
func servers(t *testing.T) *rig.Rig {
	t.Helper()
	r, err := rig.New(t.Context(), rig.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// running is a fleet with its configuration file.
type running struct {
	*Fleet
	*Reloader
	t    *testing.T
	file string
	log  *lab.Log
}

// run starts the clusters of a configuration file.
func run(t *testing.T, content string) *running {
	t.Helper()
	r := &running{t: t, file: filepath.Join(t.TempDir(), "clusters.yml"), log: &lab.Log{}}
	logger := log.NewLogfmtLogger(r.log)
	r.Fleet = New(func(cluster string) log.Logger { return log.With(logger, "cluster", cluster) })
	r.Reloader = NewReloader(r.file, r.Fleet, logger)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, r.Close(ctx))
	})
	must(t, r.reload(content))
	return r
}

// reload writes the file and has it read.
func (r *running) reload(content string) error {
	must(r.t, os.WriteFile(r.file, []byte(content), 0o600))
	return r.Reload()
}

// probe probes a cluster.
func (r *running) probe(name string) *probe.Result {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	member := r.Member(name)
	if member == nil {
		r.t.Fatalf("there is no cluster %s", name)
	}
	return member.Collector().Probe(ctx)
}

// until waits until a probe of a cluster is as it is to be.
func (r *running) until(name, what string, is func(*probe.Result) bool) *probe.Result {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		result := r.probe(name)
		if is(result) {
			return result
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s; last probe: %+v\n%s", what, result, r.log)
		}
	}
}

// has says whether a probe wrote, and is of just these nodes.
func has(names ...string) func(*probe.Result) bool {
	return func(r *probe.Result) bool {
		var got []string
		for _, n := range r.Nodes {
			got = append(got, n.Name)
		}
		return r.Write != nil && strings.Join(got, " ") == strings.Join(names, " ")
	}
}

// entry is a cluster in a configuration file whose nodes are called a, b, c…, with further lines.
func entry(name string, dsns []string, lines ...string) string {
	text := "  - name: " + name + "\n"
	for _, line := range lines {
		text += "    " + line + "\n"
	}
	text += "    nodes:\n"
	for i, dsn := range dsns {
		text += fmt.Sprintf("      - {name: %c, dsn: %q}\n", 'a'+i, dsn)
	}
	return text
}
