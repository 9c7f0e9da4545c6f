package drill

import "time"

// calm is how long all must be well after an outage for the cluster to count as recovered: a
// server that restarts, or is rewound, is away for a moment and comes back.
const calm = 5 * time.Second

// recovery tells when a cluster has recovered: an outage has ended or another server has taken
// over, and since then, for as long as calm, beats have been acknowledged at once and every node
// that answers was the primary or synced.
type recovery struct {
	troubled bool      // something happened of which to recover
	well     time.Time // since when all is well; zero where it is not
	at       time.Time
}

// see takes whether a beat that was sent at a moment was acknowledged at once and found every
// node well, and says whether the cluster has recovered with it.
func (r *recovery) see(well bool, sent time.Time) bool {
	switch {
	case !well:
		r.well = time.Time{}
		return false
	case r.well.IsZero():
		r.well = sent
	}
	if !r.at.IsZero() || !r.troubled || sent.Sub(r.well) < calm {
		return false
	}
	r.at = sent
	return true
}

// trouble says that something happened of which to recover.
func (r *recovery) trouble() { r.troubled, r.well, r.at = true, time.Time{}, time.Time{} }
