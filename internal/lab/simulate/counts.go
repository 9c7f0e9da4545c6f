//go:build unix

package simulate

import (
	"sync"
	"time"
)

// Counts are what the servers of a fleet saw.
type Counts struct {
	// Dials is how many connections were made, and BusiestSecond how many in one second of the
	// clock at the most. What a closed listener refuses, nobody counts here.
	Dials, BusiestSecond int
	// Open is how many connections there are, and MostOpen how many there were at the most.
	Open, MostOpen int
	// Commits is how many canary writes were made.
	Commits int
	// Unknown is how many statements no simulated server knows.
	Unknown int
}

// counts are kept from one call of Take to the next.
type counts struct {
	mu     sync.Mutex
	total  Counts
	second int64 // the one of the clock that is being counted
	within int   // dials in it
}

// Take returns what was counted since the last call, and begins anew.
func (f *Fleet) Take() Counts {
	c := &f.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.total
	c.total = Counts{Open: taken.Open, MostOpen: taken.Open}
	return taken
}

// Count returns what was counted since the last call of Take.
func (f *Fleet) Count() Counts {
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	return f.counts.total
}

func (c *counts) opened() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now().Unix(); now != c.second {
		c.second, c.within = now, 0
	}
	c.within++
	c.total.Dials++
	c.total.BusiestSecond = max(c.total.BusiestSecond, c.within)
	c.total.Open++
	c.total.MostOpen = max(c.total.MostOpen, c.total.Open)
}

func (c *counts) note(what func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what(&c.total)
}
