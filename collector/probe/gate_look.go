package probe

import (
	"context"
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// look is one at a single node, for the gate, beside all rounds: all checks share it.
type look struct {
	began, finished time.Time
	ended, failed   bool
	err             error // why it failed, where that is known
}

const (
	// lookShare is which part of the time since the newest beat or position lies between looks at a replica that
	// does not show it, and shortestLook how long that is at the least.
	lookShare    = 10
	shortestLook = 2 * time.Millisecond
)

// errUnwritten is why a position proves nothing.
var errUnwritten = &Error{Reason: ReasonNotWritten, Err: errors.New("the primary's present life has written no beat")}

// errInRecovery is why the primary cannot be asked that is none.
var errInRecovery = &Error{Reason: ReasonReadOnly, Err: errors.New("the server is in recovery")}

// lookAtLocked has the i-th node read, unless a round does that. It returns when that is possible where it is not yet: a
// replica that is behind is read again as long as checks wait for it, the less often the longer it is since the newest
// beat or position was sent.
func (c *Cluster) lookAtLocked(i int, now, newest time.Time) (again time.Time) {
	if len(c.followers[i].searches) > 0 {
		return time.Time{}
	}
	if l := c.looks[c.nodes[i]]; l != nil && l.ended {
		pause := min(max(l.finished.Sub(newest)/lookShare, shortestLook), gateApart)
		if next := l.finished.Add(pause); now.Before(next) {
			return next
		}
	}
	c.beginLookLocked(i, now, func(ctx context.Context, node Node) answer {
		a := answer{told: true, since: node.Unbroken()}
		a.Read, a.err = node.Read(ctx)
		return a
	}, c.witnessLocked)
	return time.Time{}
}

// lookAtPrimaryLocked has the primary asked for its position, which writes nothing.
func (c *Cluster) lookAtPrimaryLocked(now time.Time) (again time.Time) {
	if l := c.looks[c.nodes[c.primary]]; l != nil && now.Before(l.began.Add(c.gateApartLocked())) {
		return l.began.Add(c.gateApartLocked())
	}
	var at verdict.Position
	c.beginLookLocked(c.primary, now, func(ctx context.Context, node Node) answer {
		a := answer{since: node.Unbroken()}
		at, a.err = node.Position(ctx)
		switch {
		case a.err != nil:
		case at.InRecovery:
			a.err = errInRecovery
		case !at.Proves():
			a.err = errUnwritten
		}
		a.Sent, a.Received, a.Row = at.Sent, at.Received, at.Row
		return a
	}, func(i int, a answer) {
		c.unwritten = errors.Is(a.err, errUnwritten)
		switch {
		case errors.Is(a.err, ErrConnecting):
			return
		case c.unwritten:
			c.failure = failure{}
			return
		case a.err != nil:
			c.failLocked(a.err)
			return
		}
		c.failure = failure{}
		c.positions.Record(at)
		c.witnessLocked(i, a)
		if w := &c.memory[i].witness; w.since.Equal(a.since) {
			w.takesWrites, w.said, w.looked, w.beats = true, at.Received, at.Sent, -1
		}
	})
	return time.Time{}
}

// beginLookLocked has a node asked in the background, and what it answered kept, unless that is going on.
func (c *Cluster) beginLookLocked(i int, now time.Time, ask func(context.Context, Node) answer, keep func(int, answer)) {
	node := c.nodes[i]
	if l := c.looks[node]; l != nil && !l.ended || c.closed {
		return
	}
	if c.looks == nil {
		c.looks = map[Node]*look{}
	}
	l := &look{began: now}
	c.looks[node] = l
	timeout := min(c.cfg.Timeout, lookTimeout)
	c.running.Go(func() {
		ctx, cancel := context.WithTimeout(c.life, timeout)
		defer cancel()
		node.Prepare()
		var a answer
		if a.err = node.Connect(ctx); a.err == nil {
			a = ask(ctx, node)
		}
		c.endLook(node, l, a, keep)
	})
}

// endLook keeps what a look showed, unless the node is none any more.
func (c *Cluster) endLook(node Node, l *look, a answer, keep func(int, answer)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	l.ended, l.finished, l.failed = true, now, a.err != nil
	if a.err != nil && !errors.Is(a.err, ErrConnecting) {
		l.err = a.err
	}
	defer c.announceLocked()
	for i, n := range c.nodes {
		if n != node {
			continue
		}
		server := node.Identity()
		c.memory[i].servers.Meet(server, now)
		if server.System == 0 || c.system.System == 0 || server.System == c.system.System {
			keep(i, a)
		}
		return
	}
	delete(c.looks, node)
}
