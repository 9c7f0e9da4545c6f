package verdict

import "time"

// Sightings are what the reads of a replica in one probe showed of a beat.
type Sightings struct {
	// Fresh is when the first read that showed the beat came back, and Stale when
	// the last that proved not to was sent: the beat became visible between
	// them. Zero when there was no such read.
	Fresh, Stale time.Time
	// Received is when the read came back that showed Row.
	Received time.Time
	// Late is true when the first read was not sent at the acknowledgement, because there
	// was no connection yet: a fresh one says nothing about how long the beat took.
	Late bool
	// TakesWrites is true when the node said, before the row, that it is not in recovery.
	TakesWrites bool
	// Replayed is the replay position at the first read, 0 where not known.
	Replayed LSN
	// State is the node's last word on itself before it showed the beat.
	State State
	// Row is what the read that decided showed, and Standing how that stands to the beat.
	Row      Row
	Standing Standing
	// Left is true when a read proved that the node left the beat's history.
	Left bool
	// Restoring is true when WAL comes from an archive; see [Restores].
	Restoring bool
}

// Verdict is what a probe says about a replica. What is not proved is nil or "".
type Verdict struct {
	State ReplicaState
	// Synced says whether the beat was visible in time.
	Synced *bool
	// Visibility is the visibility delay, of a beat that became visible.
	Visibility *time.Duration
	// Lag is how long the oldest acknowledged beat that the replica does not show
	// has been waiting, as far as is remembered.
	Lag *time.Duration
	// StalenessBound is the age of the newest beat that the replica shows, counted from
	// when that was sent: no read misses anything that was acknowledged longer ago.
	// It is nil where none is remembered.
	StalenessBound *time.Duration
	// Unseen is how many beats the replica does not show yet.
	Unseen *int64
	// LagBytes is how far the replay was behind the beat at the first read.
	LagBytes *uint64
}

// Judge says what sightings prove about a replica. The beat may become visible up to
// the time within after its acknowledgement.
func (l *Ledger) Judge(beat Beat, s Sightings, within time.Duration) Verdict {
	if s.Left || (s.TakesWrites && s.Standing == Behind) {
		// Who takes writes itself never gets the beat.
		return Verdict{State: StateDiverged, Synced: new(false)}
	}
	v := Verdict{Synced: visibleInTime(beat.Acknowledged.Add(within), s), LagBytes: lagBytes(beat, s)}
	v.StalenessBound, v.Unseen = l.bound(beat, s)
	switch {
	case !s.Fresh.IsZero() && s.Late && s.Stale.IsZero():
	case !s.Fresh.IsZero():
		delay := s.Fresh.Sub(beat.Acknowledged)
		v.Visibility, v.Lag = &delay, &delay
	case !s.Stale.IsZero():
		lag := l.lag(beat, s.Row, s.Stale)
		v.Lag = &lag
	}
	switch {
	case v.Synced != nil && *v.Synced:
		v.State = StateSynced
	case !s.Stale.IsZero():
		v.State = BehindState(s.State, *v.Lag, beat.LSN, s.Restoring)
	case s.Fresh.IsZero():
		v.State = BehindState(s.State, 0, 0, s.Restoring)
	}
	return v
}

// visibleInTime: a stale read that was sent after the limit proves that the beat was
// not, a fresh one that was back by then that it was. A fresh read that took
// beyond the limit proves neither: a stalled server may have looked at its very end.
func visibleInTime(limit time.Time, s Sightings) *bool {
	switch {
	case !s.Stale.IsZero() && !s.Stale.Before(limit):
		return new(false)
	case !s.Fresh.IsZero() && !s.Fresh.After(limit):
		return new(true)
	default:
		return nil
	}
}

// bound returns how old what the replica shows is at the most, and how many beats it
// does not show.
func (l *Ledger) bound(beat Beat, s Sightings) (staleness *time.Duration, unseen *int64) {
	switch {
	case !s.Fresh.IsZero():
		return new(s.Fresh.Sub(beat.Sent)), new(int64)
	case s.Standing != Behind:
		return nil, nil
	}
	unseen = new(l.unseenBeats(s.Row))
	if shown := l.newestShown(s.Row); shown != nil {
		staleness = new(s.Received.Sub(shown.sent()))
	}
	return staleness, unseen
}

// lag returns how long, at the given moment, the oldest beat has been waiting that a
// row does not show. The memory may not reach back as far as the row: then it is
// at least the age of the oldest beat that is remembered.
func (l *Ledger) lag(beat Beat, shown Row, at time.Time) time.Duration {
	since := at.Sub(beat.Acknowledged)
	if oldest := l.oldestUnseen(shown); oldest != nil {
		return max(at.Sub(oldest.at), since)
	}
	return since
}

// lagBytes compares positions of one history only. A standby whose row is of an earlier
// timeline than the beat may have replayed on beyond the fork, unless it says
// that it follows the beat's.
func lagBytes(beat Beat, s Sightings) *uint64 {
	if beat.LSN == 0 || s.Replayed == 0 || (s.Fresh.IsZero() && s.Stale.IsZero()) {
		return nil
	}
	earlier := s.Row.Timeline < beat.Timeline && s.State.Timeline < beat.Timeline && s.State.LeastTimeline < beat.Timeline
	if earlier && s.Replayed > beat.Fork { // 0 where it is not known
		return nil
	}
	behind := beat.LSN.Since(s.Replayed)
	return &behind
}
