//go:build unix

package storm

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// had is a server that reached each value, counted from the first, at a second of the test.
type had []time.Duration

const first = 1_000_000_000

var epoch = time.Unix(1_000_000, 0)

func (h had) Newest() int64 { return first + int64(len(h)) }
func (h had) Reached(value int64) (time.Time, bool) {
	if value <= first || value > h.Newest() {
		return time.Time{}, false
	}
	return epoch.Add(h[value-first-1]), true
}

const second = time.Second

// newEntry returns a cluster whose replica b shows each value at once and c a second later. It had all nodes, was without c from
// 100 s on, was none from 200 s on, and has all again since 300 s.
func newEntry() *entry {
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * second) }
	return &entry{
		name: "c", from: first, counted: map[string]count{},
		servers: []witness{
			had{10 * second, 50 * second, 150 * second, 400 * second},
			had{10 * second, 50 * second, 150 * second, 400 * second},
			had{11 * second, 51 * second, 151 * second},
		},
		specs: []spec{
			{described{nodes: layouts[0]}, 0, at(0), at(0)},
			{described{nodes: layouts[1]}, 1, at(100), at(101)},
			{described{}, 2, at(200), at(201)},
			{described{nodes: layouts[0]}, 3, at(300), at(301)},
		},
	}
}

// says returns an answer to a scrape that began and ended at seconds of the test. Its series are written as metric or
// metric:node, without what begins every name.
func says(began, ended float64, series map[string]float64) answer {
	a := answer{began: epoch.Add(time.Duration(began * float64(second))), ended: epoch.Add(time.Duration(ended * float64(second)))}
	for text, value := range series {
		metric, node, _ := strings.Cut(text, ":")
		s := sample{name: "pg_canary_" + metric, labels: map[string]string{}, value: value, counter: strings.HasSuffix(metric, "_total")}
		if node != "" {
			s.labels["node"] = node
		}
		a.samples = append(a.samples, s)
	}
	return a
}

// with returns an answer of the nodes a, b and c to a scrape at 49.9 s, with other series.
func with(other map[string]float64) answer {
	series := map[string]float64{
		"up": 1, "primary_capacity": first + 2, "write_duration_seconds": 0.1, "lost_writes_total": 0,
		"node_up:c-a": 1, "node_up:c-b": 1, "node_up:c-c": 0,
		"synced:c-b": 1, "replica_capacity:c-b": first + 2, "synced:c-c": 0, "replica_capacity:c-c": first + 1,
	}
	maps.Copy(series, other)
	maps.DeleteFunc(series, func(_ string, value float64) bool { return value < 0 })
	return says(49.9, 50.5, series)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		want   string // "" for nothing wrong
	}{
		"right":                               {with(nil), ""},
		"nothing is known":                    {with(map[string]float64{"up": 0, "primary_capacity": -1, "synced:c-b": -1, "replica_capacity:c-b": -1}), ""},
		"no beat, and a value":                {with(map[string]float64{"up": 0}), "up is 0"},
		"no beat, and a replica is synced":    {with(map[string]float64{"up": 0, "primary_capacity": -1}), "did not show so soon"},
		"a value of another cluster":          {with(map[string]float64{"primary_capacity": 2*first + 2}), "not of this cluster"},
		"a value that was never written":      {with(map[string]float64{"primary_capacity": first + 5}), "never written"},
		"a replica that was too late":         {with(map[string]float64{"synced:c-c": 1, "replica_capacity:c-c": first + 2}), "did not show so soon"},
		"a replica's value that it never had": {with(map[string]float64{"replica_capacity:c-c": first + 4}), "did not show so soon"},
		"a replica's value of elsewhere":      {with(map[string]float64{"replica_capacity:c-c": 7}), "did not show so soon"},
		"a lost write":                        {with(map[string]float64{"lost_writes_total": 1}), "1 writes are lost"},
		"a node of another cluster":           {with(map[string]float64{"failures_total:d-a": 1}), "a node that the cluster did not have"},
		"a node that it never had":            {with(map[string]float64{"node_up:c-moved": 1}), "which the cluster did not have"},
		"a node less":                         {with(map[string]float64{"node_up:c-c": -1, "synced:c-c": -1, "replica_capacity:c-c": -1}), "which the cluster did not have"},
	} {
		wrong := newEntry().judge(test.answer)
		if (test.want == "") != (len(wrong) == 0) || !slices.ContainsFunc(append(wrong, ""), func(w string) bool { return strings.Contains(w, test.want) }) {
			t.Errorf("%s: %q, want %q", name, wrong, test.want)
		}
	}
}

// TestJudgeRemembers what earlier answers said.
func TestJudgeRemembers(t *testing.T) {
	t.Parallel()
	all := []string{"node_up:c-a", "node_up:c-b", "node_up:c-c"}
	of := func(began, ended float64, nodes []string, value int64, counts map[string]float64) answer {
		series := map[string]float64{"up": 0, "lost_writes_total": 0}
		if value > 0 {
			series["up"], series["primary_capacity"] = 1, float64(first+value)
		}
		for _, node := range nodes {
			series[node] = 1
		}
		maps.Copy(series, counts)
		return says(began, ended, series)
	}
	for name, test := range map[string]struct {
		earlier, later answer
		want           string
	}{
		"the value of an earlier probe":       {of(49, 50, all, 2, nil), of(50.5, 51, all, 2, nil), "is that of an earlier one"},
		"a probe that is shared":              {of(49, 50, all, 2, nil), of(50.1, 51, all, 2, nil), ""},
		"a counter that falls":                {of(1, 2, all, 0, map[string]float64{"probes_total": 5}), of(3, 4, all, 0, map[string]float64{"probes_total": 4}), "fell from 5 to 4"},
		"a counter at the same time":          {of(1, 3, all, 0, map[string]float64{"probes_total": 5}), of(2, 4, all, 0, map[string]float64{"probes_total": 4}), ""},
		"a counter though a node went":        {of(1, 2, all, 0, map[string]float64{"probes_total": 5}), of(103, 104, all[:2], 0, map[string]float64{"probes_total": 4}), "fell from 5 to 4"},
		"a counter of a cluster made anew":    {of(1, 2, all, 0, map[string]float64{"probes_total": 5}), of(303, 304, all, 0, map[string]float64{"probes_total": 1}), ""},
		"a counter of a node that stayed":     {of(1, 2, all, 0, map[string]float64{"reads_total:c-b": 5}), of(103, 104, all[:2], 0, map[string]float64{"reads_total:c-b": 4}), "fell from 5 to 4"},
		"nodes of before, after newer ones":   {of(103, 104, all[:2], 0, nil), of(105, 106, all, 0, nil), "which the cluster did not have"},
		"nodes of before, until others came":  {of(98, 99, all, 0, nil), of(105, 106, all, 0, nil), ""},
		"a series of a node that has gone":    {of(103, 104, all[:2], 0, nil), of(105, 106, all[:2], 0, map[string]float64{"reads_total:c-c": 1}), "did not have"},
		"a series of a node that may be left": {of(98, 99, all, 0, nil), of(105, 106, all[:2], 0, map[string]float64{"reads_total:c-c": 1}), ""},
	} {
		e := newEntry()
		if wrong := e.judge(test.earlier); len(wrong) > 0 {
			t.Errorf("%s: the earlier one: %q", name, wrong)
		}
		test.later.witnessed = e.began()
		wrong := e.judge(test.later)
		if (test.want == "") != (len(wrong) == 0) || !slices.ContainsFunc(append(wrong, ""), func(w string) bool { return strings.Contains(w, test.want) }) {
			t.Errorf("%s: %q, want %q", name, wrong, test.want)
		}
	}
}

func TestInForce(t *testing.T) {
	t.Parallel()
	specs := newEntry().specs
	for _, test := range []struct {
		from, to float64
		want     []int
	}{{1, 2, []int{0}}, {99, 100.5, []int{0, 1}}, {100.5, 102, []int{0, 1}}, {102, 103, []int{1}}, {102, 250, []int{1, 2}}, {400, 401, []int{3}}} {
		var got []int
		for _, s := range inForce(specs, epoch.Add(time.Duration(test.from*float64(second))), epoch.Add(time.Duration(test.to*float64(second)))) {
			got = append(got, s.version)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("from %v to %v: %v, want %v", test.from, test.to, got, test.want)
		}
	}
}

// TestStates: every configuration of a storm can be used, and no broken one.
func TestStates(t *testing.T) {
	t.Parallel()
	servers, err := simulate.Start(simulate.Options{Clusters: 5, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := servers.Close(); err != nil {
			t.Error(err)
		}
	}()
	file, random := filepath.Join(t.TempDir(), "clusters.yml"), rand.New(rand.NewPCG(1, 1)) //nolint:gosec // It is no secret.
	load := func(text string) (*config.Config, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Load(file)
	}
	now := firstState(servers.Clusters)
	for range 60 {
		now = now.changed(random)
		if c, err := load(now.text()); err != nil || len(c.Clusters) != now.count() {
			t.Fatalf("%v:\n%s", err, now.text())
		}
		if text := broken(now.text(), random); text != "" {
			if _, err := load(text); err == nil {
				t.Fatalf("this can be used:\n%s", text)
			}
		}
	}
}
