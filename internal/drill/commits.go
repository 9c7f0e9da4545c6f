package drill

import (
	"slices"
	"time"
)

// commitMemory is how many commits tell what is usual: ten seconds at 50 a second.
const commitMemory = 500

// commits remembers how long the last acknowledged beats took.
type commits struct {
	took []time.Duration
	next int
}

func (c *commits) add(took time.Duration) {
	if len(c.took) < commitMemory {
		c.took = append(c.took, took)
		return
	}
	c.took[c.next] = took
	c.next = (c.next + 1) % commitMemory
}

// median returns the one in the middle, of two the shorter; 0 for none.
func (c *commits) median() time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(c.took))
	return sorted[(len(sorted)-1)/2]
}

// usual is the number of median commits that a commit may take without counting as waiting.
const usual = 3

// patience returns how long a beat may take that is not said to wait: the interval, or three
// times the median where commits take longer than that.
func (c *commits) patience(interval time.Duration) time.Duration {
	return max(interval, usual*c.median())
}
