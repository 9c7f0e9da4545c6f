//go:build unix

package simulate

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Cluster is a primary and its replicas.
type Cluster struct {
	Name string

	system  uint64
	servers []*Server // the primary first

	mu sync.Mutex
	// commits are those that some replica does not show yet, and the one before: the newest last.
	commits []commit
}

// commit is what one canary write left behind.
type commit struct {
	number int
	row    row
	lsn    uint64
	at     time.Time
}

// bytesACommit is about how much WAL a canary write costs.
const bytesACommit = 144

func newCluster(name string) *Cluster {
	return &Cluster{
		Name: name, system: 7_000_000_000_000_000_000 + rand.Uint64N(1<<40), //nolint:gosec // It has to differ, no more.
		commits: []commit{{
			row: row{cluster: name, born: rand.Int64()}, lsn: 0x3000060, at: time.Now(), //nolint:gosec // As above.
		}},
	}
}

// Servers returns the servers, the primary first.
func (c *Cluster) Servers() []*Server { return c.servers }

// Primary returns the primary.
func (c *Cluster) Primary() *Server { return c.servers[0] }

// Replicas returns the replicas.
func (c *Cluster) Replicas() []*Server { return c.servers[1:] }

// DSNs returns the exporter's connection strings, the primary's first.
func (c *Cluster) DSNs() []string {
	var list []string
	for _, s := range c.servers {
		list = append(list, s.DSN())
	}
	return list
}

// advance makes a canary commit on the primary; false where the section was made for another cluster.
func (c *Cluster) advance(mark int64, cluster string) (row, bool) {
	started, now := c.Primary().since(), c.Primary().now()
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.commits[len(c.commits)-1]
	if cluster != last.row.cluster {
		return row{}, false
	}
	next := commit{last.number + 1, last.row.advance(started, mark), last.lsn + bytesACommit, now}
	c.commits = append(c.commits, next)
	c.Primary().reached.until(next.row.capacity, now)
	oldest := next.number
	for _, replica := range c.servers[1:] {
		oldest = min(oldest, c.visibleLocked(replica, now).number)
	}
	for c.commits[0].number < oldest {
		c.commits = c.commits[1:]
	}
	return next.row, true
}

// visible returns the newest commit that a server shows.
func (c *Cluster) visible(s *Server) commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.visibleLocked(s, s.now())
}

// visibleLocked is visible with the lock held. A replica never shows less than before.
func (c *Cluster) visibleLocked(s *Server, now time.Time) commit {
	if !s.inRecovery {
		return c.commits[len(c.commits)-1]
	}
	arrived := now.Add(-time.Duration(s.replay.Load()))
	for i := len(c.commits) - 1; i >= 0; i-- {
		if each := c.commits[i]; each.number <= s.shown || i == 0 || !each.at.After(arrived) {
			s.shown = each.number
			s.reached.until(each.row.capacity, now)
			return each
		}
	}
	return c.commits[0]
}
