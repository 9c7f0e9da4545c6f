package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
)

// labelGoroutines marks this goroutine, and by it all that it starts, with the
// name of the fault, and fails at the end of the test when one of them is left.
// Rows run at the same time, so that goleak could not tell whose a goroutine is.
func labelGoroutines(t *testing.T, name string) {
	t.Helper()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("fault", name)))
	t.Cleanup(func() {
		var left string
		waitFor(t, "all goroutines have ended", func() bool {
			var n int
			n, left = goroutines(t, name)
			return n == 1 // this one
		}, func() string { return left })
	})
}

// goroutines counts those with a label, and shows them.
func goroutines(t *testing.T, name string) (n int, stacks string) {
	t.Helper()
	var profile bytes.Buffer
	must(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	for record := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(record, fmt.Sprintf(`{"fault":%q}`, name)) {
			var same int
			if strings.HasPrefix(record, "goroutine profile") {
				_, record, _ = strings.Cut(record, "\n")
			}
			_, err := fmt.Sscanf(record, "%d @", &same)
			must(t, err)
			n += same
			stacks += record + "\n\n"
		}
	}
	return n, stacks
}

// leavesNothing closes the exporter and fails when it left a connection on a
// server that runs.
func (s *scene) leavesNothing() {
	s.t.Helper()
	for _, server := range s.servers.Servers() {
		if !server.Running() {
			continue
		}
		if n := connections(s.t, server); n > 2 {
			s.t.Errorf("the exporter has %d connections to %s, want at most 2", n, server.Name)
		}
	}
	s.closeExporters()
	for _, server := range s.servers.Servers() {
		waitFor(s.t, "the exporter's connections to "+server.Name+" are gone", func() bool {
			return !server.Running() || connections(s.t, server) == 0
		})
	}
}
