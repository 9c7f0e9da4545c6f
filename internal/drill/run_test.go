package drill

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// player is a cluster that plays a script, a result whenever its beat has ended.
type player struct {
	observer *Drill
	script   *script
	fails    bool // the first beat does
	began    time.Time
	stop     chan struct{}
	ended    chan struct{}
}

var _ Cluster = (*player)(nil)

func (*player) Connect(context.Context) {}

func (*player) Prepare() {}

func (p *player) Probe(context.Context) *probe.Result {
	p.began = time.Now()
	r := p.moved(0)
	if p.fails {
		r.Write, r.Nodes[0].Failures = nil, []error{failure(probe.ReasonMissingTable)}
	}
	p.observer.Ended(r)
	return r
}

// moved returns a result of the script as if it had begun with the player.
func (p *player) moved(i int) *probe.Result {
	r := *p.script.results[i]
	shift := p.began.Sub(noon)
	r.Started, r.Attempted = r.Started.Add(shift), r.Attempted.Add(shift)
	if r.Write != nil {
		w := *r.Write
		w.Sent, w.Acknowledged = w.Sent.Add(shift), w.Acknowledged.Add(shift)
		r.Write = &w
	}
	return &r
}

func (p *player) Start() {
	go func() {
		defer close(p.ended)
		for i := range p.script.results[1:] {
			r := p.moved(i + 1)
			select {
			case <-time.After(time.Until(r.Started.Add(r.Duration))):
				p.observer.Ended(r)
			case <-p.stop:
				return
			}
		}
	}()
}

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		cancel  time.Duration // 0: it is not interrupted
		want    time.Duration // how long it runs
		outages int
		live    []string // what is shown meanwhile
	}{
		"for a time":  {Options{For: 10 * time.Second}, 0, 10 * time.Second, 1, []string{"outage began: node-a (connect)", "outage ended after 3.00 s"}},
		"interrupted": {Options{}, 4 * time.Second, 4 * time.Second, 1, []string{"outage began"}},
		"until recovered": {
			Options{UntilRecovered: true, For: time.Minute, Bars: true},
			0, 14203 * ms, 1,
			[]string{"recovered", "▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    0 ok  50 refused  node-a", "50 ok  node-b"},
		},
		"not recovered in time": {Options{UntilRecovered: true, For: 8 * time.Second}, 0, 8 * time.Second, 1, nil},
		"nothing happened yet":  {Options{For: time.Second, Bars: true}, 0, time.Second, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var live strings.Builder
				options := test.options
				options.Interval, options.Timeout, options.Live = every, 5*time.Second, &live
				d := New(options)
				p := &player{observer: d, script: killed(), stop: make(chan struct{}), ended: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				record, err := d.Run(ctx, p)
				close(p.stop)
				<-p.ended
				if err != nil {
					t.Fatal(err)
				}
				if record.Lasted() != test.want || len(record.Outages) != test.outages {
					t.Errorf("it ran for %v, with %d outages", record.Lasted(), len(record.Outages))
				}
				for _, text := range test.live {
					if !strings.Contains(live.String(), text) {
						t.Errorf("%q is not in\n%s", text, live.String())
					}
				}
				if strings.Contains(live.String(), " ok ") != test.options.Bars && test.want > 2*time.Second {
					t.Errorf("bars:\n%s", live.String())
				}
			})
		})
	}
}

func TestRunWithoutPrimary(t *testing.T) {
	d := New(Options{Interval: every, Timeout: time.Second, Live: &strings.Builder{}})
	p := &player{observer: d, script: killed(), fails: true}
	_, err := d.Run(t.Context(), p)
	if !errors.Is(err, errNoBeat) || probe.ReasonOf(err) != probe.ReasonMissingTable || !strings.Contains(err.Error(), "node-a") {
		t.Errorf("%v", err)
	}
}

// TestSilentPrimary says that a beat waits, once, before its result has come.
func TestSilentPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scripted("node-a", "node-b")
		s.until(time.Second, func() { s.ok(3 * ms) })
		var live strings.Builder
		d := New(Options{Interval: every, Timeout: time.Second, For: 5 * time.Second, Live: &live, Bars: true})
		p := &player{observer: d, script: s, stop: make(chan struct{}), ended: make(chan struct{})}
		record, err := d.Run(t.Context(), p)
		<-p.ended
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(live.String(), "a beat waits") != 1 || !strings.Contains(live.String(), "·························    0 ok") {
			t.Errorf("live:\n%s", live.String())
		}
		if len(record.Outages) != 1 || !record.Outages[0].Lasts() || record.Outages[0].Lasted.Truncate(100*ms) != 3900*ms {
			t.Errorf("%+v", record.Outages)
		}
	})
}

// TestUnwritable has lines that cannot be written: the report still comes.
func TestUnwritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Options{Interval: every, Timeout: time.Second, For: 4 * time.Second, Live: broken{}})
		p := &player{observer: d, script: killed(), stop: make(chan struct{}), ended: make(chan struct{})}
		record, err := d.Run(t.Context(), p)
		close(p.stop)
		<-p.ended
		if !errors.Is(err, errBroken) || record == nil {
			t.Errorf("%v, %v", record, err)
		}
	})
}

var errBroken = errors.New("nobody reads it")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
