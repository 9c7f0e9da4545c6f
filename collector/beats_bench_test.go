package collector

import (
	"runtime"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// BenchmarkMemory is what the last beats of a thousand clusters with two replicas each take, and what one more costs.
func BenchmarkMemory(b *testing.B) {
	of := func(n int64) *probe.Result {
		r := beat(n+1, shownAfter(time.Millisecond))
		r.Nodes = append(r.Nodes, probe.NodeResult{Name: "c", Replica: &probe.ReplicaResult{Verdict: verdict.Verdict{Synced: new(false)}}})
		return r
	}
	var results []*probe.Result
	for n := range int64(2 * MostBeats) {
		results = append(results, of(n))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	memories := make([]memory, 1000)
	for i := range memories {
		for _, r := range results {
			memories[i].record(r)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := int64(2 * MostBeats)
	one := of(n)
	for b.Loop() {
		n++
		one.Write.Acknowledged = time.Unix(n, 0)
		memories[0].record(one)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/2000, "B/replica")
	runtime.KeepAlive(memories)
}
