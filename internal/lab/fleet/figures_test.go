//go:build unix

package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// scraped returns a scrape that began so many seconds after the start of all, and took 10 ms.
func scraped(target string, at float64, succeeded bool, right int) *scrape {
	return &scrape{target: target, at: model.TimeFromUnixNano(int64(at * 1e9)), took: 10 * time.Millisecond, samples: 7, succeeded: succeeded, right: right}
}

func TestSummarize(t *testing.T) {
	var list []*scrape
	for i := range 100 {
		s := scraped("a", float64(i), true, 2)
		s.took = time.Duration(i+1) * time.Millisecond
		list = append(list, s)
	}
	list[3].right, list[4].right = 1, 3
	list[5].succeeded, list[5].right = false, 0
	got := summarize(list, 2, time.Millisecond)
	want := times{scrapes: 100, failed: 1, wrong: 2, half: 49 * time.Millisecond, most: 98 * time.Millisecond, samples: 7}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(times{})); diff != "" {
		t.Error(diff)
	}
	if got := summarize(nil, 2, time.Millisecond); got != (times{}) {
		t.Errorf("no scrapes have %+v", got)
	}
}

func TestBusiest(t *testing.T) {
	var list []*scrape
	for _, at := range []float64{0, 0.5, 0.999, 1.001, 1.4, 7} {
		list = append(list, scraped("a", at, true, 2))
	}
	if got := busiest(list); got != 4 {
		t.Errorf("%d scrapes began within a second, not 4", got)
	}
	if got := busiest(nil); got != 0 {
		t.Errorf("%d of none began within a second", got)
	}
}

func TestFirsts(t *testing.T) {
	for name, test := range map[string]struct {
		scrapes []*scrape
		right   int
		all     time.Time
	}{
		"none": {nil, 0, time.Time{}},
		"all at once": {
			[]*scrape{scraped("a", 1, true, 2), scraped("b", 2, true, 2), scraped("a", 3, true, 1)},
			2, time.Unix(2, 10e6),
		},
		"one fails at first": {
			[]*scrape{scraped("a", 1, false, 0), scraped("b", 2, true, 2), scraped("a", 3, true, 2)},
			1, time.Unix(3, 10e6),
		},
		"one lacks a replica": {
			[]*scrape{scraped("a", 1, true, 1), scraped("b", 2, true, 2)},
			1,
			time.Time{},
		},
		"one is not scraped": {[]*scrape{scraped("a", 1, true, 2)}, 1, time.Time{}},
	} {
		if right, all := firsts(test.scrapes, 2, 2); right != test.right || !all.Equal(test.all) {
			t.Errorf("%s: %d were right at first, and all by %v, not %d and %v", name, right, all, test.right, test.all)
		}
	}
}

func TestUsage(t *testing.T) {
	var samples []sample
	for i := range 8 {
		samples = append(samples, sample{
			time.Unix(int64(i), 0), exporter.Usage{CPU: time.Duration(i) * 250 * time.Millisecond, Resident: 100 + 10*i}, 5 * i,
		})
	}
	samples[4].Resident = 900
	samples[7].dials = 100
	if got, want := summarizeUsage(samples), (used{cpu: 0.25, resident: 900, growth: 60, dials: 70}); got != want {
		t.Errorf("used is %+v, not %+v", got, want)
	}
	if got := summarizeUsage(samples[:1]); got != (used{}) {
		t.Errorf("one sample says %+v", got)
	}
}

func TestOptions(t *testing.T) {
	good := Options{Clusters: 1, Replicas: 1, Minutes: 1, Interval: time.Second}
	must(t, good.check())
	for name, spoil := range map[string]func(*Options){
		"no cluster":       func(o *Options) { o.Clusters = 0 },
		"no replica":       func(o *Options) { o.Replicas = 0 },
		"no time":          func(o *Options) { o.Minutes = 0 },
		"a short interval": func(o *Options) { o.Interval = time.Millisecond },
		"no scenario":      func(o *Options) { o.Only = "nonsense" },
	} {
		o := good
		spoil(&o)
		if o.check() == nil {
			t.Errorf("%s is no mistake", name)
		}
	}
}
