//go:build unix

package balancer

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// BenchmarkCheck is a check that is answered from what was seen last, of real servers, without HTTP.
func BenchmarkCheck(b *testing.B) {
	servers, err := rig.New(b.Context(), rig.Options{})
	must(b, err)
	defer servers.Close() //nolint:errcheck // They are thrown away.
	cluster, err := rig.Probe(servers.DSNs())
	must(b, err)
	defer cluster.Close(context.WithoutCancel(b.Context())) //nolint:errcheck // As above.
	for name, ask := range map[string]func() (probe.GateAnswer, error){
		"fresh": func() (probe.GateAnswer, error) {
			return cluster.Fresh(b.Context(), probe.GateAsk{Node: cluster.Names()[1], Max: time.Hour})
		},
		"writable": func() (probe.GateAnswer, error) {
			return cluster.Writable(b.Context(), probe.GateAsk{Node: cluster.Names()[0], Max: time.Hour})
		},
	} {
		for open := false; !open; {
			answer, err := ask()
			must(b, err)
			open = answer.Open
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if answer, err := ask(); err != nil || !answer.Open {
					b.Fatalf("%+v, %v", answer, err)
				}
			}
		})
	}
}
