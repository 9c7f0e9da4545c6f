package probe

import (
	"context"
	"maps"
	"net"
	"slices"
	"time"
)

// farewell bounds how long closing the connection of a node may take that is no longer one.
const farewell = 2 * time.Second

// Change gives the cluster other nodes and settings, when all rounds have ended: those that come meanwhile wait, so that
// nothing is measured by halves. What is remembered stays, also of each node that keeps its name; a node that
// is given again keeps its connection, and one that is not is closed. When it is done, and before anything else
// is told to the observer, then is called, which may be nil.
//
// It returns the error of ctx, and changes nothing, when that ends first, as it may while a server hangs.
func (c *Cluster) Change(ctx context.Context, cfg Config, nodes []Node, then func()) error {
	if err := c.closeGate(ctx); err != nil {
		return err
	}
	defer c.openGate() //nolint:contextcheck // The pulse goes on when the change has been made.
	if err := c.awaitQuiet(ctx); err != nil {
		return err
	}
	if err := c.exchange(cfg.withDefaults(), nodes); err != nil { //nolint:contextcheck // A good-bye takes its own time.
		return err
	}
	if then != nil {
		then()
	}
	return nil
}

// openGate lets rounds begin again.
func (c *Cluster) openGate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.gate)
	c.gate = nil
	c.beatLocked()
}

// closeGate lets no further round begin. Changes are made one after the other.
func (c *Cluster) closeGate(ctx context.Context) error {
	for {
		c.mu.Lock()
		gate := c.gate
		if gate == nil && !c.closed {
			c.gate = make(chan struct{})
			if c.pulsing {
				c.stopPulse()
			}
		}
		closed := c.closed
		c.mu.Unlock()
		switch {
		case closed:
			return net.ErrClosed
		case gate == nil:
			return nil
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitQuiet waits until the rounds that have begun have ended, and nobody works for a follower.
func (c *Cluster) awaitQuiet(ctx context.Context) error {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last != nil { // Rounds end in their order, and a pulse that is ending begins none any more.
		select {
		case <-last.ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.life.Done():
			return net.ErrClosed
		}
	}
	for !c.resting() {
		select {
		case <-c.rested:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.life.Done():
			return net.ErrClosed
		}
	}
	return nil
}

// tellRested tells whoever waits for it that something has come to rest.
func (c *Cluster) tellRested() {
	select {
	case c.rested <- struct{}{}:
	default: // It looks again anyway.
	}
}

// resting says whether the pulse has ended and nobody works for a follower, and has those rest that go on by themselves.
func (c *Cluster) resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pulsing {
		return false
	}
	for _, f := range c.followers {
		if f.running {
			f.wake()
			return false
		}
	}
	return true
}

// exchange puts other nodes into the place of those that there are.
func (c *Cluster) exchange(cfg Config, nodes []Node) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	before, remembered, primary := c.nodes, c.memory, c.nodeName(c.primary)
	c.cfg, c.nodes = cfg, slices.Clone(nodes)
	c.followers, c.memory = newFollowers(len(nodes)), make([]memory, len(nodes))
	c.primary, c.scraped, c.split = 0, nil, nil
	maps.DeleteFunc(c.looks, func(n Node, l *look) bool { return l.ended && !slices.Contains(nodes, n) })
	for i, n := range nodes {
		was := slices.IndexFunc(before, func(b Node) bool { return b.Name() == n.Name() })
		if was < 0 {
			continue
		}
		c.memory[i] = remembered[was]
		remembered[was].tookWrites = false // It has not gone.
		if n.Name() == primary {
			c.primary = i
		}
	}
	c.depart(remembered)
	for _, b := range before {
		if !slices.Contains(nodes, b) {
			c.running.Go(func() { c.dismiss(b) })
		}
	}
	return nil
}

// depart keeps what the nodes had that are none any more and took writes: their servers may still do so.
func (c *Cluster) depart(gone []memory) {
	for _, m := range gone {
		if !m.tookWrites {
			continue
		}
		if m.silentSince.IsZero() {
			m.silentSince = time.Now()
		}
		c.departed = append(c.departed, m)
	}
}

// dismiss closes the connection of a node that is none any more.
func (c *Cluster) dismiss(n Node) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.life), farewell)
	defer cancel()
	_ = n.Close(ctx) // Nobody needs it, whatever becomes of it.
}

// nodeName returns the name of a node; "" where there is none.
func (c *Cluster) nodeName(i int) string {
	if i >= len(c.nodes) {
		return ""
	}
	return c.nodes[i].Name()
}
