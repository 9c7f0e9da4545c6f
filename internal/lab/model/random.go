package model

// Profile is how often each thing happens, as weights.
type Profile struct {
	Beats, Writes, Replay            int
	Failovers, Restarts, Crashes     int
	Clones, Copies, Remakes, Resumes int
}

// Profiles are the lives that random histories take from.
var Profiles = []Profile{
	{Beats: 30, Writes: 5, Replay: 40, Failovers: 6, Restarts: 4, Crashes: 3, Clones: 6, Copies: 2, Remakes: 1}, // all of it
	{Beats: 30, Replay: 30, Failovers: 20, Restarts: 2, Clones: 12},                                             // failovers
	{Beats: 40, Replay: 10, Failovers: 2, Restarts: 35, Crashes: 10, Clones: 2, Copies: 1},                      // restarts
	{Beats: 30, Replay: 30, Failovers: 3, Copies: 8, Clones: 4, Crashes: 8},                                     // copies
	{Beats: 30, Replay: 30, Failovers: 4, Remakes: 10, Clones: 4},                                               // the row made again
}

// choice is something that happens to a node, n times out of all.
type choice struct {
	n  int
	do func(*Node) *Commit
}

// Live sets what Step chooses from.
func (c *Cluster) Live(p Profile) {
	c.choices = []choice{
		{p.Beats, c.randomBeat},
		{p.Replay, quiet(c.randomReplay)},
		{p.Writes, quiet(c.randomWrite)},
		{p.Failovers, quiet(c.randomFailover)},
		{p.Restarts, quiet(c.randomRestart)},
		{p.Crashes, quiet(c.randomCrash)},
		{p.Clones, quiet(c.randomClone)},
		{p.Copies, quiet(c.randomCopy)},
		{p.Remakes, quiet(c.randomRemake)},
		{p.Resumes, quiet(c.randomResume)},
	}
	c.chances = 0
	for _, choice := range c.choices {
		c.chances += choice.n
	}
}

// Step does one random thing. It returns the beat if it was one.
func (c *Cluster) Step() *Commit {
	node := c.Nodes[c.random.IntN(len(c.Nodes))]
	at := c.random.IntN(c.chances)
	for _, choice := range c.choices {
		if at -= choice.n; at < 0 {
			return choice.do(node)
		}
	}
	return nil
}

func quiet(do func(*Node)) func(*Node) *Commit {
	return func(n *Node) *Commit {
		do(n)
		return nil
	}
}

// primary returns a node that takes writes, n if it does, or nil.
func (c *Cluster) primary(n *Node) *Node {
	from := c.random.IntN(len(c.Nodes))
	for i := range c.Nodes {
		if n.Primary {
			return n
		}
		n = c.Nodes[(from+i)%len(c.Nodes)]
	}
	if n.Primary {
		return n
	}
	return nil
}

func (c *Cluster) randomBeat(n *Node) *Commit {
	if n = c.primary(n); n == nil {
		return nil
	}
	return c.Beat(n)
}

func (c *Cluster) randomWrite(n *Node) {
	if n = c.primary(n); n != nil {
		c.Write(n)
	}
}

func (c *Cluster) randomReplay(n *Node) {
	if !n.Primary {
		c.Receive(n, c.random.IntN(8))
		c.Replay(n, c.random.IntN(8))
	}
}

func (c *Cluster) randomRestart(n *Node) {
	if primary := c.primary(n); primary != nil && c.random.IntN(2) == 0 {
		n = primary
	}
	c.Restart(n, c.random.IntN(4))
}

func (c *Cluster) randomFailover(n *Node) {
	switch other := c.Nodes[c.random.IntN(len(c.Nodes))]; {
	case !n.Primary:
		c.Promote(n)
	case other != n && !other.Primary:
		c.Follow(other, n)
	}
}

func (c *Cluster) randomCrash(n *Node) {
	if n = c.primary(n); n == nil {
		return
	}
	if c.random.IntN(2) == 0 {
		c.Crash(n, c.random.IntN(4))
	} else {
		c.CrashBackend(n, c.random.IntN(4))
	}
}

func (c *Cluster) randomClone(n *Node) {
	if other := c.primary(c.Nodes[c.random.IntN(len(c.Nodes))]); other != nil && other != n {
		c.Clone(n, other)
	}
}

// randomCopy starts a node from what another had some commits ago.
func (c *Cluster) randomCopy(n *Node) {
	from := c.primary(c.Nodes[c.random.IntN(len(c.Nodes))])
	if from == nil {
		return
	}
	data := from.At.At(max(from.At.Depth-c.random.IntN(6), 1))
	if c.random.IntN(2) == 0 {
		c.Restore(n, data)
	} else {
		c.Copy(n, data)
	}
}

func (c *Cluster) randomRemake(n *Node) {
	if n = c.primary(n); n == nil {
		return
	}
	if n.At.Row.Found {
		c.Delete(n)
	} else {
		c.Make(n)
	}
}

func (c *Cluster) randomResume(n *Node) {
	if from := c.primary(c.Nodes[c.random.IntN(len(c.Nodes))]); from != nil && from != n {
		c.Resume(n, from)
	}
}
