//go:build unix

package dashboards_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	lab "github.com/pg-canary/pg_canary_exporter/internal/lab/dashboards"
)

const all = "the whole cluster"

// faces is what the banner and the card say in each situation, by node.
var faces = map[string]struct{ banner, card map[string]string }{
	lab.Healthy:      {map[string]string{all: "All well"}, map[string]string{"b": "Synced", "c": "Synced"}},
	lab.Delayed:      {map[string]string{all: "All well"}, map[string]string{"b": "Delayed", "c": "Synced"}},
	lab.Replaying:    {map[string]string{"b": "Behind: replaying"}, map[string]string{"b": "Lagging", "c": "Synced"}},
	lab.FarBehind:    {map[string]string{"b": "More than two minutes behind"}, map[string]string{"b": "Far behind", "c": "Synced"}},
	lab.Blocked:      {map[string]string{"b": "Behind: the replay waits for a query"}, map[string]string{"b": "Lagging", "c": "Synced"}},
	lab.Restoring:    {map[string]string{"b": "Behind: gets its WAL from the archive"}, map[string]string{"b": "Lagging", "c": "Synced"}},
	lab.Paused:       {map[string]string{"b": "Replay is paused"}, map[string]string{"b": "Paused", "c": "Synced"}},
	lab.CutOff:       {map[string]string{"b": "Cut off: receives no WAL"}, map[string]string{"b": "Disconnected", "c": "Synced"}},
	lab.Unreachable:  {map[string]string{"b": "Does not answer"}, map[string]string{"b": "Unreachable", "c": "Synced"}},
	lab.Foreign:      {map[string]string{"b": "Belongs to another cluster"}, map[string]string{"b": "Foreign", "c": "Synced"}},
	lab.Diverged:     {map[string]string{"b": "Has left the primary's history"}, map[string]string{"b": "Diverged", "c": "Synced"}},
	lab.WriteFailing: {map[string]string{all: "Writes fail on the primary"}, map[string]string{"b": "Write failing", "c": "Write failing"}},
	lab.CommitsWait:  {map[string]string{all: "Commits wait for a synchronous standby"}, map[string]string{"b": "Commits wait", "c": "Commits wait"}},
	lab.NoPrimary:    {map[string]string{all: "No primary"}, map[string]string{"a": "Unreachable", "b": "Disconnected", "c": "No primary"}},
	lab.SplitBrain:   {map[string]string{"a": "Two primaries", "b": "Two primaries"}, map[string]string{"b": "Diverged", "c": "Synced"}},
	lab.DeadExporter: {map[string]string{all: "No data: its exporter does not answer"}, map[string]string{}},
	lab.LongDead:     {map[string]string{all: "No data: its exporter does not answer"}, map[string]string{}},
	lab.NoReplica:    {map[string]string{all: "No replica"}, map[string]string{}},
	lab.FailedOver:   {map[string]string{"a": "Does not answer"}, map[string]string{"a": "Unreachable", "c": "Synced"}},
	lab.Unknown:      {map[string]string{"b": "Nothing is known of it"}, map[string]string{"b": "Unknown", "c": "Synced"}},
}

const (
	bannerTitle = "$cluster $instance"
	cardTitle   = "Synced or lagging"
)

func TestTheWorstIsSaidFirst(t *testing.T) {
	w := newWorld(t)
	for _, situation := range lab.Situations() {
		want, ok := faces[situation]
		if !ok {
			t.Errorf("nothing is expected of %q", situation)
		}
		if diff := cmp.Diff(want.banner, w.words(w.in(situation), bannerTitle)); diff != "" {
			t.Errorf("%s, banner (-want +got):\n%s", situation, diff)
		}
		if diff := cmp.Diff(want.card, w.words(w.in(situation), cardTitle)); diff != "" {
			t.Errorf("%s, card (-want +got):\n%s", situation, diff)
		}
	}
}

// Nothing is orange or red while nobody has to act.
func TestCalmColours(t *testing.T) {
	w := newWorld(t)
	for _, situation := range []string{lab.Healthy, lab.Delayed} {
		c := w.in(situation)
		for _, title := range []string{bannerTitle, cardTitle, "State of each node"} {
			q := w.query(haFile, title, "A")
			for name, values := range w.series(w.readerOf(c), q) {
				if _, color := w.mapped(haFile, q.Panel, values[len(values)-1]); strings.Contains(color, "red") || strings.Contains(color, "orange") {
					t.Errorf("%s: %q is %s in %q", situation, name, color, title)
				}
			}
		}
		for _, title := range []string{"Lag", "Lag over time"} {
			for name, values := range w.series(w.readerOf(c), w.query(haFile, title, "A")) {
				if highest := slices.Max(values); highest > 30 {
					t.Errorf("%s: %q has %v in %q, beyond the alert's limit", situation, name, highest, title)
				}
			}
		}
	}
}

func TestPositionsAsPostgreSQLWritesThem(t *testing.T) {
	w := newWorld(t)
	var got []string
	for _, title := range []string{"Primary LSN", "Replica LSN"} {
		high := w.query(haFile, title, "A")
		i := slices.IndexFunc(w.queries, func(q dashboard.Query) bool { return q.Panel == high.Panel+1 && q.File == haFile })
		low := w.series(w.readerOf(w.in(lab.Paused)), w.queries[i])
		for name, values := range w.series(w.readerOf(w.in(lab.Paused)), high) {
			if name == "{}" { // Grafana has no name for it.
				got = append(got, fmt.Sprintf(" %X/%X", int64(values[0]), int64(low[name][0])))
				continue
			}
			got = append(got, fmt.Sprintf("%s %X/%X", name, int64(values[0]), int64(low[name][0])))
		}
	}
	slices.Sort(got)
	lsn := int64(0x2A_03000148) + (scrapes-1)*300_000
	c := w.in(lab.Paused)
	behind := int64(scrapes-1-c.Since) * 300_000
	format := func(name string, at int64) string { return fmt.Sprintf("%s %X/%X", name, at>>32, at&0xFFFFFFFF) }
	want := []string{format("", lsn), format("b", lsn-behind), format("c", lsn-136)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

// Two clusters may have one job and one instance, and one may have no label of its own.
func TestClustersAreNotMixed(t *testing.T) {
	w := newWorld(t)
	noLabel := alone
	noLabel.Cluster = "(none)?" // As the fleet's links have it.
	for _, c := range []struct {
		who  lab.Cluster
		want map[string]string
	}{
		{east, map[string]string{all: "All well"}},
		{west, map[string]string{"a": "Two primaries", "b": "Two primaries"}},
		{alone, map[string]string{"b": "Replay is paused"}},
		{noLabel, map[string]string{"b": "Replay is paused"}},
		{other, map[string]string{all: "All well"}},
	} {
		if diff := cmp.Diff(c.want, w.words(c.who, bannerTitle)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.who, diff)
		}
	}
	rows := w.series(w.readerOfAll(), w.query(fleetFile, "Clusters, the worst first", "A"))
	if want := len(w.clusters) - 1; len(rows) != want { // The exporter's own metrics are no cluster.
		t.Errorf("the fleet has %d rows, want %d: %v", len(rows), want, rows)
	}
	of := map[string]bool{}
	for labels := range rows {
		_, rest, _ := strings.Cut(labels, `of="`)
		name, _, _ := strings.Cut(rest, `"`)
		of[name] = true
	}
	for _, name := range []string{"east", "west", "other", "(none)?"} {
		if !of[name] {
			t.Errorf("no link leads to %q, only to %v", name, of)
		}
	}
}

func TestDeadClustersStay(t *testing.T) {
	w := newWorld(t)
	for _, situation := range []string{lab.DeadExporter, lab.LongDead} {
		c := w.in(situation)
		if _, seen := w.series(w.readerOf(c), w.query(haFile, bannerTitle, "B"))["last data"]; seen != (situation == lab.DeadExporter) {
			t.Errorf("%s: the banner knows of the last data: %v", situation, seen)
		}
		var since float64
		for labels, values := range w.series(w.readerOfAll(), w.query(fleetFile, "Clusters, the worst first", "I")) {
			if strings.Contains(labels, `"`+c.Cluster+`"`) {
				since = values[0]
			}
		}
		dead := time.Duration(scrapes-c.Since) * interval
		if situation == lab.LongDead {
			if since != (7 * 24 * time.Hour).Seconds() {
				t.Errorf("%s: no data for %v s, want a week", situation, since)
			}
		} else if math.Abs(since-dead.Seconds()) > 600 {
			t.Errorf("%s: no data for %v s, want %v", situation, since, dead)
		}
		offered := false
		for labels := range w.series(w.readerOf(c), w.queryOf(haFile, `variable "instance"`)) {
			offered = offered || strings.Contains(labels, `instance="`+c.Instance+`"`)
		}
		if !offered {
			t.Errorf("%s: it cannot be chosen", situation)
		}
	}
}

// A long range shows a lag that was between two of its points.
func TestLongRangesKeepTheLag(t *testing.T) {
	w := newWorld(t)
	r := w.readerOf(spike)
	r.Width = 12
	values := w.series(r, w.query(haFile, "Lag over time", "A"))["b"]
	if len(values) > 8 || slices.Max(values) != 15 {
		t.Errorf("%d points, the highest %v; want few, and 15", len(values), slices.Max(values))
	}
	r.Width = 1366
	states := w.series(r, w.query(haFile, "State of each node", "A"))["b"]
	if slices.Max(states) != 50 {
		t.Errorf("the states are %v, want a 50 among them", states)
	}
}

func TestFreshReadsGrowWithTime(t *testing.T) {
	const rounding = 1e-9
	w := newWorld(t)
	for _, c := range w.clusters {
		if c.Situation == lab.Spike { // Where a bound gets another spelling, its series begins anew.
			continue
		}
		shares := w.series(w.readerOf(c), w.query(haFile, "Share of fresh reads", "A"))
		for i := range shares["after 1 ms"] {
			first, second, third := shares["after 1 ms"][i], shares["after 10 ms"][i], shares["after 1 s"][i]
			if first > second+rounding || second > third+rounding {
				t.Errorf("%s: %v after 1 ms, %v after 10 ms, %v after 1 s", c.Situation, first, second, third)
			}
		}
	}
}

func TestHeatmapSpellsBoundsOneWay(t *testing.T) {
	w := newWorld(t)
	found := w.series(w.readerOf(spike), w.query(haFile, "Visibility delay", "A"))
	if len(found) != 18 {
		t.Errorf("there are %d bounds, want 18", len(found))
	}
	for bound := range found {
		if strings.HasSuffix(bound, ".0") {
			t.Errorf("a bound is spelled %s", bound)
		}
	}
}

func TestStoryOfAFailover(t *testing.T) {
	w := newWorld(t)
	r, title := w.readerOf(w.in(lab.FailedOver)), "Failovers in the range shown"
	want := map[string][]float64{`{from="a", to="b"}`: {2}}
	if diff := cmp.Diff(want, w.series(r, w.query(haFile, title, "A"))); diff != "" {
		t.Errorf("who and timeline (-want +got):\n%s", diff)
	}
	for refID, value := range map[string]float64{"B": 4 * interval.Seconds(), "C": 3} {
		if diff := cmp.Diff(map[string][]float64{"{}": {value}}, w.series(r, w.query(haFile, title, refID))); diff != "" {
			t.Errorf("query %s (-want +got):\n%s", refID, diff)
		}
	}
}

func TestLastDay(t *testing.T) {
	w := newWorld(t)
	c := w.in(lab.Paused)
	const title = "Nodes, and their last 24 hours"
	paused := float64(scrapes-c.Since) * interval.Minutes()
	for refID, want := range map[string]float64{"D": float64(scrapes-1-c.Since) * interval.Seconds(), "E": paused} {
		got := w.series(w.readerOf(c), w.query(haFile, title, refID))[`{node="b"}`]
		if len(got) != 1 || math.Abs(got[0]-want) > 1.5 {
			t.Errorf("query %s: %v, want %v", refID, got, want)
		}
	}
	day := w.series(w.readerOf(w.in(lab.FailedOver)), w.query(haFile, "The last 24 hours", "A"))
	if day["Outages"][0] != 1 || day["Writes lost"][0] != 3 || math.Abs(day["Nobody could write for"][0]-4*interval.Seconds()) > 5 {
		t.Errorf("the last day was %v", day)
	}
}

// TestFleetCounts compares the fleet's numbers with what is known of it.
func TestFleetCounts(t *testing.T) {
	w := newWorld(t)
	got := w.series(w.readerOfAll(), w.query(fleetFile, "The fleet", "A"))
	calm := []string{lab.Healthy, lab.Delayed, lab.Replaying, lab.Blocked, lab.Restoring, lab.NoReplica, lab.Unknown, lab.Spike, lab.OwnMetrics}
	trouble := 0
	for _, c := range w.clusters {
		if !slices.Contains(calm, c.Situation) {
			trouble++
		}
	}
	if got["Clusters"][0] != float64(len(w.clusters)-1) || got["Clusters in trouble"][0] != float64(trouble) {
		t.Errorf("the fleet is %v; want %d clusters, %d in trouble", got, len(w.clusters)-1, trouble)
	}
	if shown := w.series(w.readerOfAll(), w.query(fleetFile, "Verdict on the worst 20 clusters", "A")); len(shown) != 20 || shown["cluster-000 cluster-000"] != nil {
		t.Errorf("the timeline shows %d clusters, the healthy one among them: %v", len(shown), shown["cluster-000 cluster-000"] != nil)
	}
}

// TestEveryQueryInEverySituation finds one that some labels break.
func TestEveryQueryInEverySituation(t *testing.T) {
	w := newWorld(t)
	for _, q := range w.queries {
		if q.File == fleetFile {
			w.series(w.readerOfAll(), q)
			continue
		}
		for _, c := range w.clusters {
			for labels := range w.series(w.readerOf(c), q) {
				if strings.Contains(labels, `cluster="`) && !strings.Contains(labels, `cluster="`+c.Cluster+`"`) && !strings.HasPrefix(q.Where, "variable") {
					t.Errorf("%s of %q shows %s", q.Where, c.Cluster, labels)
				}
			}
		}
	}
}
