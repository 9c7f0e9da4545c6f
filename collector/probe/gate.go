package probe

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// GateAsk is what a check of the gate wants to know.
type GateAsk struct {
	// Node is the node's name.
	Node string
	// Max is how stale a read may be or, where the node is to take writes, how long ago the last beat may have
	// been acknowledged.
	Max time.Duration
	// Timeout is how long the answer may take; 0 is half of Max, but no longer than half a
	// second, and with KeepDown no shorter than a silent primary takes to be noticed. A node whose
	// read gets too stale before that is over is not let through before a newer proof has come, or it is over:
	// so that whoever asks in an interval never reads what is older than Max and that interval, if Timeout is
	// no longer than half of Max.
	Timeout time.Duration
	// KeepDown has a node pass while the primary cannot be asked that is as fresh as was asked for up to
	// the last beat.
	KeepDown bool
}

// GateAnswer is what a check is told.
type GateAnswer struct {
	verdict.GateVerdict
	// Reason is why the node or, for [verdict.GateNoPrimary] and [verdict.GateKept], the primary cannot be
	// asked; "" where that is not known.
	Reason Reason
	// Primary is the node that acknowledged the last beat, "" for none, and Rivals are the nodes that take
	// writes where that are several servers.
	Primary string
	Rivals  []string
	// Unwritten is true where positions prove nothing, because the primary's present life has written no beat yet.
	Unwritten bool
}

// ErrNoNode is why there is no answer for a node: the cluster has none of that name.
var ErrNoNode = errors.New("the cluster has no such node")

const (
	// gateApart is how long beats for the gate are apart where scrapes share a probe no longer than that.
	gateApart = 200 * time.Millisecond
	// gatePatience is how long a check may take at the most that does not say how long.
	gatePatience = 500 * time.Millisecond
	// gateSilence is how long a beat takes at the least of which the primary is silent, where commits are known to be
	// quick, and keepPatience how long a check may take by itself that passes then.
	gateSilence  = 100 * time.Millisecond
	keepPatience = impatience + 100*time.Millisecond
	// gateAhead is which part of the time for which a beat proves something goes by before the next one is made, where
	// checks go on: so a replica that is behind all the time, but less than may be, shows one at every moment.
	gateAhead = 4
	// gateAwake is how long connections are left alone while checks come that need none.
	gateAwake = 30 * time.Second
	// lookTimeout bounds a look at one server.
	lookTimeout = 2 * time.Second
)

// LeastMax returns how stale a read has to be allowed to be: beats for the gate are a little less apart than that at the
// least, and have to be seen.
func (c *Cluster) LeastMax() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gateApartLocked() * 5 / 4
}

func (c *Cluster) gateApartLocked() time.Duration { return cmp.Or(c.cfg.MinInterval, gateApart) }

// Fresh says whether it is proved that a read on a node is at most so stale. The answer comes from what is known; where that
// is too old a beat is made, or a look that writes nothing, which all checks share, and
// waited for until ctx ends or the time is over. The error is [ErrNoNode].
func (c *Cluster) Fresh(ctx context.Context, ask GateAsk) (GateAnswer, error) {
	return c.check(ctx, &check{GateAsk: ask})
}

// Writable says whether the last beat was acknowledged by a node, and not too long ago. Where it was,
// another one is made. The error is [ErrNoNode].
func (c *Cluster) Writable(ctx context.Context, ask GateAsk) (GateAnswer, error) {
	return c.check(ctx, &check{GateAsk: ask, writes: true})
}

// check is one that is being answered.
type check struct {
	GateAsk
	writes bool // whether the node takes writes, in place of how fresh it is
	// asked is when it came, and due when it has to be answered.
	asked, due time.Time
}

// ahead is how long what is proved now has to hold.
func (k *check) ahead(now time.Time) time.Duration {
	return min(max(k.due.Sub(now), 0), k.Max/2)
}

// byPosition says whether positions prove what a check asks for, in place of beats.
func (c *Cluster) byPosition(k *check) bool { return c.cfg.ByPosition && !k.writes }

// judgeLocked answers a check for the i-th node by what is known, if that holds for so long.
func (c *Cluster) judgeLocked(i int, k *check, now time.Time, ahead time.Duration) GateAnswer {
	if k.writes {
		return c.writableLocked(i, &k.GateAsk, now)
	}
	return c.freshLocked(i, &k.GateAsk, now, ahead)
}

// check answers from what is known or, where that does not prove it, waits for what may.
func (c *Cluster) check(ctx context.Context, k *check) (GateAnswer, error) {
	k.asked = time.Now()
	patience := min(k.Max/2, gatePatience)
	if k.KeepDown {
		patience = max(patience, keepPatience)
	}
	k.due = k.asked.Add(cmp.Or(k.Timeout, patience))
	answer, news, again, err := c.step(k, false) //nolint:contextcheck // What it begins, all checks share.
	if news == nil {
		return answer, err
	}
	ctx, cancel := context.WithDeadline(ctx, k.due)
	defer cancel()
	for news != nil {
		var due <-chan time.Time
		var timer *time.Timer
		if !again.IsZero() {
			timer = time.NewTimer(time.Until(again))
			due = timer.C
		}
		ended := false
		select {
		case <-news:
		case <-due:
		case <-ctx.Done():
			ended = true
		case <-c.life.Done():
			ended = true
		}
		if timer != nil {
			timer.Stop()
		}
		answer, news, again, err = c.step(k, ended) //nolint:contextcheck // As above.
	}
	return answer, err
}

// step judges a check by what is known now. Where there may be more to know soon, it begins what is needed for
// that, and returns what is closed when there is news, and when to ask again at the latest; last is true
// where there is no time to wait for it.
func (c *Cluster) step(k *check, last bool) (answer GateAnswer, news <-chan struct{}, again time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gated.Store(true)
	i := slices.IndexFunc(c.nodes, func(n Node) bool { return n.Name() == k.Node })
	if i < 0 {
		return GateAnswer{}, nil, time.Time{}, ErrNoNode
	}
	now := time.Now()
	ahead := k.ahead(now)
	if last {
		ahead = 0
	}
	answer = c.judgeLocked(i, k, now, ahead)
	switch {
	case answer.State == verdict.GateKept:
		c.pursueLocked(i, k, now) // Whether the primary is back.
		return answer, nil, time.Time{}, nil
	case answer.Open, isPlain(answer.State):
		c.stayAwakeLocked(i, now)
		if c.isDueLocked(k, now, k.Max/gateAhead) {
			c.renewLocked(k, now)
		}
		return answer, nil, time.Time{}, nil
	case last, c.closed, c.saidAllLocked(i, k) && !c.judgeLocked(i, k, now, 0).Open:
		return answer, nil, time.Time{}, nil
	}
	again = c.pursueLocked(i, k, now)
	if c.news == nil {
		c.news = make(chan struct{})
	}
	return answer, c.news, again, nil
}

// isPlain says whether there is nothing to wait for: a newer beat is made all the same, so that the next check is told
// if that has changed.
func isPlain(state verdict.GateState) bool {
	switch state {
	case verdict.GateNotPrimary, verdict.GatePooled, verdict.GateBalanced:
		return true
	default:
		return false
	}
}

// announceLocked tells the checks that wait that there is news.
func (c *Cluster) announceLocked() {
	if c.news != nil {
		close(c.news)
		c.news = nil
	}
}

// saidAllLocked says whether what was begun since the check came has ended, so that it is answered by what is
// known: a round of all nodes, or a look at the node, or at the primary, that failed.
func (c *Cluster) saidAllLocked(i int, k *check) bool {
	if r := c.last; r != nil && r.over && !r.began.Before(k.asked) {
		return true
	}
	return c.failedSince(i, k.asked) || c.byPosition(k) && c.failedSince(c.primary, k.asked)
}

// failedSince says whether a look at the i-th node failed that was begun since a time.
func (c *Cluster) failedSince(i int, asked time.Time) bool {
	l := c.looks[c.nodes[i]]
	return l != nil && l.ended && l.failed && !l.began.Before(asked)
}
