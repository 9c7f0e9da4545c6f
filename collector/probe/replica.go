package probe

import (
	"context"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// readReplica reads a node until it shows the canary or the wait is over, and judges it.
func (c *Cluster) readReplica(ctx context.Context, i int, w *Write, result *NodeResult) {
	if result.Foreign {
		c.inspectNode(ctx, i, result)
		return
	}
	replica := &ReplicaResult{State: verdict.StateUnreachable}
	result.Replica = replica
	if !c.nodes[i].Connected() {
		return
	}
	seen, ok := c.firstRead(ctx, i, w, result)
	if c.recordIdentity(i, result); result.Foreign {
		c.inspectNode(ctx, i, result)
		return
	}
	if !ok {
		return
	}
	if replica.Stale && !seen.InRecovery {
		replica.markDiverged()
		return
	}
	if replica.Stale {
		seen = c.rereadUntilFresh(ctx, i, w, result, seen)
	}
	c.judgeReplica(w, replica, seen)
}

// firstRead makes the first read. It is false when it did not show a section.
func (c *Cluster) firstRead(ctx context.Context, i int, w *Write, result *NodeResult) (Read, bool) {
	read, err := c.nodes[i].Read(ctx)
	if err != nil {
		result.recordFailure(err)
	}
	result.recordAnswer(read)
	if !result.Up {
		return read, false
	}
	replica := result.Replica
	replica.First = &read
	if err != nil {
		replica.State = verdict.BehindState(read.State, 0, w.LSN)
		return read, false
	}
	if w.LSN != 0 && read.ReplayLSN != 0 {
		behind := w.LSN.Since(read.ReplayLSN)
		replica.LagBytes = &behind
	}
	c.recordSighting(i, replica, w, read)
	replica.Stale = replica.FirstFresh.IsZero()
	return read, true
}

// rereadUntilFresh reads the node again until it shows the canary, and returns the last
// answer that did not: what it says explains the lag.
func (c *Cluster) rereadUntilFresh(ctx context.Context, i int, w *Write, result *NodeResult, stale Read) Read {
	limit, end := w.Acknowledged.Add(c.cfg.SyncedWithin), w.Acknowledged.Add(c.cfg.Wait)
	if deadline, ok := ctx.Deadline(); ok && end.After(deadline.Add(-answerReserve)) {
		end = deadline.Add(-answerReserve)
	}
	for {
		now := time.Now()
		if !now.Before(end) || !sleep(ctx, pauseBeforeReread(now, result.Replica.LastStale, w.Acknowledged, limit, end)) {
			return stale
		}
		read, err := c.reread(ctx, i, limit, end)
		if err != nil {
			result.recordFailure(err)
			return stale
		}
		c.recordSighting(i, result.Replica, w, read)
		if !result.Replica.FirstFresh.IsZero() {
			return stale
		}
		if read.Detailed {
			result.recordAnswer(read) // It may have been promoted meanwhile.
		}
		if read.Detailed || !stale.Detailed {
			stale = stillWaiting(stale, read)
		} else {
			stale.Section = read.Section
		}
	}
}

// stillWaiting returns the later of two answers. A replay that has not moved
// between them waits for what it waited for, even if it looked up for a moment.
func stillWaiting(earlier, later Read) Read {
	if later.ReplayWaitsOn == "" && later.ReplayLSN == earlier.ReplayLSN {
		later.ReplayWaitsOn = earlier.ReplayWaitsOn
	}
	return later
}

// reread reads the section alone as long as the replica can still count as
// synced, and from then on its state too, because it has to be explained.
func (c *Cluster) reread(ctx context.Context, i int, limit, end time.Time) (Read, error) {
	if now := time.Now(); now.Before(limit) && now.Before(end) {
		return c.nodes[i].Poll(ctx)
	}
	return c.nodes[i].Inspect(ctx)
}

// recordSighting keeps what one read says about the canary.
func (c *Cluster) recordSighting(i int, replica *ReplicaResult, w *Write, read Read) {
	if showsCanary(read.Section, w.Section) {
		replica.FirstFresh = read.Received
	} else {
		replica.LastStale = read.Sent
	}
	replica.Last = read.Section
	if !read.Found {
		return
	}
	if read.Capacity < c.shown[i] {
		replica.Backward = true
	}
	c.shown[i] = read.Capacity
}

// showsCanary says whether a section that was read is the written one or a newer one.
// The stamp tells apart equal or higher values of a section that was begun
// anew, or that two primaries went on to count.
func showsCanary(read, written Section) bool {
	if !read.Found || read.Capacity < written.Capacity {
		return false
	}
	if read.Capacity == written.Capacity {
		return read.WrittenAt.Equal(written.WrittenAt)
	}
	return !read.WrittenAt.Before(written.WrittenAt)
}

// judgeReplica derives lag, synced and state from the reads.
func (c *Cluster) judgeReplica(w *Write, replica *ReplicaResult, seen Read) {
	fresh := !replica.FirstFresh.IsZero()
	staleFor := replica.LastStale.Sub(w.Acknowledged)
	switch {
	case fresh:
		delay := replica.FirstFresh.Sub(w.Acknowledged)
		replica.Visibility, replica.Lag = &delay, &delay
	default:
		replica.Visibility = &staleFor
		lag := c.lag(w, seen.Section, replica.LastStale)
		replica.Lag = &lag
	}
	replica.Synced = c.visibleInTime(w, replica)
	if !fresh && leftHistory(seen, w) {
		replica.markDiverged()
		return
	}
	switch {
	case replica.Synced != nil && *replica.Synced:
		replica.State = verdict.StateSynced
	case replica.Stale:
		replica.State = verdict.BehindState(seen.State, *replica.Lag, w.LSN)
	default:
		replica.State = "" // Nothing was seen in the way, and nothing proves that it was in time.
	}
}

// visibleInTime says whether the canary was visible in time, nil when the reads do not
// tell. A stale read that was sent after the limit proves that it was not, a
// fresh one that was back by then that it was. A fresh read that took beyond the
// limit proves neither: a stalled server may have looked at its very end.
func (c *Cluster) visibleInTime(w *Write, replica *ReplicaResult) *bool {
	limit := w.Acknowledged.Add(c.cfg.SyncedWithin)
	switch {
	case !replica.LastStale.IsZero() && !replica.LastStale.Before(limit):
		return new(false)
	case !replica.FirstFresh.IsZero() && !replica.FirstFresh.After(limit):
		return new(true)
	default:
		return nil
	}
}

// markDiverged judges a node whose history left the primary's: it will never show
// the canary, and its positions cannot be compared.
func (replica *ReplicaResult) markDiverged() {
	no := false
	replica.State, replica.Synced = verdict.StateDiverged, &no
	replica.LagBytes, replica.Lag, replica.Visibility = nil, nil, nil
}

// leftHistory says whether a replica that does not show the canary has a
// history that the primary's is no continuation of: it follows a later
// timeline, or replayed an earlier one beyond the fork, or has values of an
// earlier one that the primary has not.
func leftHistory(seen Read, w *Write) bool {
	if seen.Timeline == 0 || w.Timeline == 0 || seen.Timeline == w.Timeline {
		return false
	}
	if seen.Timeline > w.Timeline {
		return true
	}
	return (w.Fork != 0 && seen.ReplayLSN > w.Fork) || (seen.Found && seen.Capacity >= w.Capacity)
}

// lag returns how long, at the given moment, the oldest acknowledged commit has
// been waiting that a replica which shows the section does not show. Where the
// memory does not reach back so far, the stamps of the two sections, both by
// the primary's clock, bound it from above: the oldest missing commit is
// younger than the one that the replica shows.
func (c *Cluster) lag(w *Write, shown Section, at time.Time) time.Duration {
	since := at.Sub(w.Acknowledged)
	if oldest, ok := c.acks.oldestUnseen(shown.Capacity); ok {
		return max(at.Sub(oldest), since)
	}
	if !shown.Found {
		return since
	}
	return max(w.WrittenAt.Sub(shown.WrittenAt), 0) + since
}

// recordFailure keeps a failed operation.
func (n *NodeResult) recordFailure(err error) { n.Failures = append(n.Failures, err) }

// recordAnswer keeps what an answer, if it was one, says about the node itself.
func (n *NodeResult) recordAnswer(read Read) {
	if read.Received.IsZero() {
		return
	}
	inRecovery := read.InRecovery
	n.Up, n.InRecovery, n.Timeline = true, &inRecovery, read.Timeline
}
