package drill

import "time"

type nodeDocument struct {
	Node            string            `json:"node"`
	Condition       Condition         `json:"condition,omitempty"`
	WorstLagSeconds *float64          `json:"worst_lag_seconds,omitempty"`
	WorstLagAt      *time.Time        `json:"worst_lag_at,omitempty"`
	Reads           int64             `json:"reads"`
	StaleReads      int64             `json:"stale_reads"`
	LateBeats       int64             `json:"late_beats"`
	BehindSeconds   float64           `json:"behind_seconds"`
	DivergedSeconds float64           `json:"diverged_seconds"`
	AwaySeconds     float64           `json:"away_seconds"`
	SyncedAgain     *time.Time        `json:"synced_again,omitempty"`
	Rebuilt         *time.Time        `json:"rebuilt,omitempty"`
	Stretches       []stretchDocument `json:"stretches"`
}

type stretchDocument struct {
	From      time.Time `json:"from"`
	Condition Condition `json:"condition"`
	States    []string  `json:"states,omitempty"`
}

func nodeOf(r *Record, n *Node) nodeDocument {
	d := nodeDocument{
		Node: n.Name, Condition: n.Last(), Reads: n.Reads, StaleReads: n.Stale, LateBeats: n.Late,
		BehindSeconds: n.In(Behind, r.Ended).Seconds(), DivergedSeconds: n.In(Diverged, r.Ended).Seconds(),
		AwaySeconds: n.In(Away, r.Ended).Seconds(), Rebuilt: stampOrNone(n.Rebuilt), WorstLagAt: stampOrNone(n.WorstAt),
		Stretches: each(n.Stretches, func(s Stretch) stretchDocument {
			return stretchDocument{From: stamp(s.From), Condition: s.Condition, States: s.States}
		}),
	}
	if n.WorstLag != nil {
		worst := n.WorstLag.Seconds()
		d.WorstLagSeconds = &worst
	}
	if n.Last() != Primary {
		at, _ := n.SyncedAgain()
		d.SyncedAgain = stampOrNone(at)
	}
	return d
}
