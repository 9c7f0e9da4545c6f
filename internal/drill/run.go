package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Options are what a user can say about a drill.
type Options struct {
	// Interval is the time between two beats.
	Interval time.Duration
	// For is how long the drill lasts at most; 0: until it is ended.
	For time.Duration
	// SyncedWithin is how soon a replica must show a beat to count as synced.
	SyncedWithin time.Duration
	// UntilRecovered ends it when the cluster has recovered from what happened; see [Recorder.Recovered].
	UntilRecovered bool
	// Timeout is how long a beat may take, and the reads that look for it.
	Timeout time.Duration
	// Live is where the lines go that are shown meanwhile. Bars adds one for each second, and
	// Colour colours them.
	Live         io.Writer
	Bars, Colour bool
}

const (
	// waitBeyond is how long after a replica counts as late a result waits for it.
	waitBeyond = 50 * time.Millisecond
	// readGrace is how long after that the result of a beat may come whose read gets no answer.
	readGrace = 550 * time.Millisecond
)

// Probes is how the cluster of a drill is probed.
func (o Options) Probes() probe.Config {
	return probe.Config{
		Wait: o.SyncedWithin + waitBeyond, SyncedWithin: o.SyncedWithin, Timeout: o.Timeout, Pulse: o.Interval,
	}
}

// delay is how long after a beat its result may come.
func (o Options) delay() time.Duration { return o.SyncedWithin + waitBeyond + readGrace }

// Cluster is what a drill beats on: a [probe.Cluster] that is probed as the options say and
// observed by the drill.
type Cluster interface {
	// Connect waits until each node is connected or has failed to, or ctx ends.
	Connect(ctx context.Context)
	// Probe makes a beat and waits for what becomes of it.
	Probe(ctx context.Context) *probe.Result
	// Start begins the pulse.
	Start()
	// Prepare begins to make the connections that are missing.
	Prepare()
}

// Drill is one that runs, and the observer of its cluster.
type Drill struct {
	options Options

	mu        sync.Mutex
	recorder  *Recorder
	live      *Live
	record    *Record       // once it is over
	recovered chan struct{} // closed when the cluster has recovered
	isClosed  bool
	waited    time.Time // the wait that was said last
	failed    error     // the first error of writing to Live
}

// New returns a drill that has not begun.
func New(options Options) *Drill {
	return &Drill{
		options: options, recorder: NewRecorder(options.Interval, options.delay()), live: NewLive(options.Interval, options.Colour),
		recovered: make(chan struct{}),
	}
}

// Ended takes the result of a beat.
func (d *Drill) Ended(r *probe.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.record != nil {
		return // What the end of the drill does to a beat is no part of it.
	}
	d.recorder.Ended(r)
	d.live.Ended(r)
	for _, event := range d.recorder.News() {
		d.say(EventLine(event))
	}
	if d.recorder.Recovered() && !d.isClosed {
		d.isClosed = true
		close(d.recovered)
	}
}

// Shown takes the moment at which a replica shows a beat.
func (d *Drill) Shown(replica string, beat verdict.Sighting, delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.record == nil {
		d.recorder.Shown(replica, beat, delay)
	}
}

// say writes a line. The lock is held.
func (d *Drill) say(line string) {
	if _, err := fmt.Fprintln(d.options.Live, line); err != nil && d.failed == nil {
		d.failed = err
	}
}

// errNoBeat is why a drill cannot begin.
var errNoBeat = errors.New("the drill could not begin: no beat was acknowledged")

// Run makes the drill until ctx ends, or what the options say, and returns what was seen. It is
// an error when the first beat is not acknowledged: then there is no primary to begin with.
func (d *Drill) Run(ctx context.Context, cluster Cluster) (*Record, error) {
	if err := d.begin(ctx, cluster); err != nil {
		return nil, err
	}
	var over <-chan time.Time
	if d.options.For > 0 {
		timer := time.NewTimer(d.options.For)
		defer timer.Stop()
		over = timer.C
	}
	recovered := d.recovered
	if !d.options.UntilRecovered {
		recovered = nil
	}
	cluster.Start()
	second := time.Now()
	second = second.Add(-time.Duration(second.Nanosecond())) // With its monotonic reading.
	ticker, urge := time.NewTicker(tick), time.NewTicker(urgency)
	defer ticker.Stop()
	defer urge.Stop()
	for {
		select {
		case <-ctx.Done():
			return d.end()
		case <-over:
			return d.end()
		case <-recovered:
			return d.end()
		case now := <-ticker.C:
			second = d.tick(now, second)
		case <-urge.C:
			cluster.Prepare()
		}
	}
}

const (
	// tick is how often it is looked whether a line is due.
	tick = 100 * time.Millisecond
	// urgency is how often a connection is made again that was lost, so that a node which is
	// back is not taken for one that is away.
	urgency = 250 * time.Millisecond
)

// begin makes the first beat.
func (d *Drill) begin(ctx context.Context, cluster Cluster) error {
	connecting, cancel := context.WithTimeout(ctx, d.options.Timeout/2)
	defer cancel()
	cluster.Connect(connecting)
	beating, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	r := cluster.Probe(beating)
	switch err := r.WriteFailure(); {
	case r.Write != nil:
		return nil
	case err != nil:
		return fmt.Errorf("%w: %s: %w", errNoBeat, r.Primary, err)
	default:
		return fmt.Errorf("%w: %s: %w", errNoBeat, r.Primary, probe.ErrConnecting)
	}
}

// tick shows the line of a second when all is known of it, and returns the one that is next.
func (d *Drill) tick(now, second time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	waits := d.recorder.WaitsSince(now)
	if !waits.IsZero() && !waits.Equal(d.waited) {
		d.waited = waits
		d.say(clock(waits) + "  a beat waits")
	}
	if now.Sub(second) < time.Second+d.options.delay() {
		return second
	}
	if d.options.Bars {
		d.say(d.live.Line(second, waits))
	}
	return second.Add(time.Second)
}

// end closes the record.
func (d *Drill) end() (*Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.record = d.recorder.Record(time.Now())
	if d.failed != nil {
		return d.record, fmt.Errorf("writing the live lines: %w", d.failed)
	}
	return d.record, nil
}
