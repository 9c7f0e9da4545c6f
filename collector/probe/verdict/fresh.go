package verdict

import "time"

// GateState is what a check of the gate found, in one word.
type GateState string

// The words of a check. Where a replica is behind and it is known what is in the way, the word is
// its state, such as "paused": see [ReplicaState].
const (
	// GateFresh: a read on the node misses nothing that was acknowledged longer ago than was asked for.
	GateFresh GateState = "fresh"
	// GatePrimary is the same of the server that acknowledged the last beat.
	GatePrimary GateState = "primary"
	// GateKept: the primary cannot be asked, and the node is as fresh as was asked for up to the last beat.
	GateKept GateState = "kept"
	// GateWritable: the last beat was acknowledged by the node.
	GateWritable GateState = "writable"

	// GateStale: what the node shows is older than was asked for, and what is in the way is not known.
	GateStale GateState = "stale"
	// GateUnknown: nothing that was read of the node proves anything.
	GateUnknown GateState = "unknown"
	// GateUnreachable: there is no connection to the node.
	GateUnreachable GateState = "unreachable"
	// GatePooled: a pooler stands between, or the node is connected anew each time: what was read proves
	// nothing for the next connection.
	GatePooled GateState = "pooled"
	// GateBalanced: the address leads to several servers, one at a time.
	GateBalanced GateState = "balanced"
	// GateForeign: the node belongs to another cluster.
	GateForeign GateState = "foreign"
	// GateDiverged: the node's history left the primary's.
	GateDiverged GateState = "diverged"
	// GateSplit: two servers take writes.
	GateSplit GateState = "split"
	// GateNoPrimary: the primary cannot be asked.
	GateNoPrimary GateState = "no_primary"
	// GateNotPrimary: the last beat was acknowledged by another node.
	GateNotPrimary GateState = "not_primary"
)

// GateContact is how long ago a node may have answered last for what it showed then to hold still. A server
// that is gone, with its machine and so without ending its connections, cannot be back before, showing less.
const GateContact = 2 * time.Second

// Evidence is what is known when a check asks for a node.
type Evidence struct {
	Now time.Time
	// Max is how stale a read may be, and Ahead how long after Now that has to hold: as long as the answer may take
	// that comes when it no longer does.
	Max, Ahead time.Duration
	// Obstacle is why nothing that was read of the node holds for the next connection to its address; "" for nothing.
	Obstacle GateState
	// Seen is when the node last answered, over the connection that has lasted since; zero for never.
	Seen time.Time
	// Standing is how what it showed then stands to the last beat.
	Standing Standing
	// AsOf is when the newest beat was sent that the node shows, or the primary's position was asked for
	// that it has replayed: it shows everything that was acknowledged before. Zero for never.
	AsOf time.Time
	// Newest is when the newest of these was sent, whoever shows it.
	Newest time.Time
	// TakesWrites is true for a node that says it is not in recovery, and Writer for the server that
	// acknowledged the last beat.
	TakesWrites, Writer bool
	// Split is true where two servers take writes.
	Split bool
	// Down is true while the primary cannot be asked, and Keep where that is no reason to refuse.
	Down, Keep bool
	// Way is what is in the way of a replica that is behind; "" where that is not known.
	Way ReplicaState
}

// GateVerdict is the answer of a check.
type GateVerdict struct {
	// Open is true where it is proved that the node may be used.
	Open  bool
	State GateState
	// Lag is how stale a read may be at the most; nil where nothing proves that.
	Lag *time.Duration
}

// Fresh says whether it is proved that a read on a node is at most so stale. WAL is replayed in order:
// who shows a beat shows everything that was acknowledged before it was sent, whenever the
// read was made, as long as it is the same server and its history is the primary's. Where anything of that is
// not known, the answer is no.
func (e Evidence) Fresh() GateVerdict {
	if state := e.unusable(); state != "" {
		return GateVerdict{State: state}
	}
	lag := max(age(e.Now, e.AsOf), 0)
	v := GateVerdict{State: GateStale, Lag: &lag}
	switch {
	case lag+e.Ahead <= e.Max && e.Writer:
		v.Open, v.State = true, GatePrimary
	case lag+e.Ahead <= e.Max:
		v.Open, v.State = true, GateFresh
	case e.Down && e.Keep && e.Newest.Sub(e.AsOf) <= e.Max:
		v.Open, v.State = true, GateKept
	case e.Down:
		v.State = GateNoPrimary
	case e.Way != "":
		v.State = GateState(e.Way)
	}
	return v
}

// unusable says why what was read of a node proves nothing of what it shows; "" where it does.
func (e Evidence) unusable() GateState {
	switch {
	case e.Obstacle != "":
		return e.Obstacle
	case e.Split:
		return GateSplit
	case e.TakesWrites && !e.Writer, e.Standing == Left:
		return GateDiverged
	case e.Seen.IsZero(), age(e.Now, e.Seen) > GateContact, e.Standing == Unknown, e.AsOf.IsZero():
		return GateUnknown
	default:
		return ""
	}
}

// age returns how long ago something was: by the clock of the day where that says more than the monotonic one, which stands
// still while the exporter's machine is suspended. What it says too much costs a beat.
func age(now, at time.Time) time.Duration {
	return max(now.Sub(at), now.Round(0).Sub(at.Round(0)))
}

// Acknowledgement is what is known of the last beat when a check asks whether a node takes writes.
type Acknowledgement struct {
	Now time.Time
	// Max is how long ago the beat may have been acknowledged.
	Max time.Duration
	// Obstacle is why the node's address says nothing about the server behind it; "" for nothing.
	Obstacle GateState
	// At is when the last beat was acknowledged; zero for never.
	At time.Time
	// Writer is true where the node leads to the server that did, over the connection that has lasted since.
	Writer bool
	// Other is true where the server that did is known to be another one.
	Other bool
	// Down is true where a beat has failed since.
	Down bool
}

// Writable says whether the last beat was acknowledged by a node.
func (a Acknowledgement) Writable() GateVerdict {
	if a.Obstacle != "" {
		return GateVerdict{State: a.Obstacle}
	}
	switch {
	case a.Down, a.At.IsZero(), age(a.Now, a.At) > a.Max:
		return GateVerdict{State: GateNoPrimary}
	case a.Writer:
		return GateVerdict{Open: true, State: GateWritable}
	case a.Other:
		return GateVerdict{State: GateNotPrimary}
	default:
		return GateVerdict{State: GateUnknown}
	}
}
