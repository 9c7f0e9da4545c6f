package pgnode

import (
	"context"
	"sync"
	"time"
)

// Dials bounds the attempts to connect of all nodes that have it in their [Options]: a
// thousand clusters that come back at once are no storm, and those that hang hold up no
// others. Who goes when, dialQueue says. It needs no end: what has no turn has no timer.
type Dials struct {
	mu    sync.Mutex
	queue dialQueue
	begun uint64
	timer *time.Timer
}

// NewDials returns a bound of so many attempts at once, and of so many that begin in a second
// though no probe waits for them; of those that one waits for, four times as many. It is at least
// one of each. Attempts that have lasted for a second, and those on nodes that have hung, cost
// next to nothing but their time, and count apart from the others: of these there may be eight
// times as many.
func NewDials(most, perSecond int) *Dials {
	most = max(most, 1)
	d := &Dials{queue: dialQueue{
		most: most, mostSlow: slowShare * most, gap: time.Second / time.Duration(max(perSecond, 1)), shares: map[string]*dialShare{},
	}}
	d.timer = time.AfterFunc(time.Hour, d.wake)
	d.timer.Stop()
	return d
}

// DialCounts are the attempts to connect.
type DialCounts struct {
	// Begun is how many were begun so far.
	Begun uint64
	// UnderWay is how many of them have not ended, and Waiting how many have not begun.
	UnderWay, Waiting int
}

// Counts returns how many attempts there are.
func (d *Dials) Counts() DialCounts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return DialCounts{Begun: d.begun, UnderWay: d.queue.underWay(), Waiting: d.queue.waits()}
}

// ask returns the turn of an attempt on a node of a cluster, one that hung the last time or
// not. Without a bound it is nil: the turn of whoever waits for none.
func (d *Dials) ask(cluster string, hung bool) *dialTurn {
	if d == nil {
		return nil
	}
	t := &dialTurn{dials: d, cluster: cluster, slow: hung, asked: time.Now(), may: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue.add(t)
	d.advanceLocked()
	return t
}

// wake does what is due.
func (d *Dials) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.advanceLocked()
}

// advanceLocked lets those begin whose turn it is, and sets the timer for the next one.
func (d *Dials) advanceLocked() {
	d.timer.Stop()
	now := time.Now()
	for {
		t, next := d.queue.next(now)
		if t == nil {
			if !next.IsZero() {
				d.timer.Reset(next.Sub(now))
			}
			return
		}
		d.queue.begin(t, now)
		d.begun++
		close(t.may)
	}
}

// await waits until it is the attempt's turn; the error is that of ctx, which ended before.
func (t *dialTurn) await(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	select {
	case <-t.may:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// urge says that a probe waits for the attempt.
func (t *dialTurn) urge() {
	if t == nil {
		return
	}
	t.dials.mu.Lock()
	defer t.dials.mu.Unlock()
	t.dials.queue.urge(t)
	t.dials.advanceLocked()
}

// end says that the attempt is over, or will not be made. It is called once.
func (t *dialTurn) end() {
	if t == nil {
		return
	}
	t.dials.mu.Lock()
	defer t.dials.mu.Unlock()
	t.dials.queue.remove(t)
	t.dials.advanceLocked()
}
