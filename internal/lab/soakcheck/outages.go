package soakcheck

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// outage is one that an exporter told of, with the number of the beat that was the first to know of it.
type outage struct {
	began, ended history.Moment
	number       int
}

// lasted is how long it had by a moment.
func (o *outage) lasted(by history.Moment) history.Moment {
	return max(0, min(o.ended, by)-o.began)
}

// notedTolerance is how much later than it came an acknowledgement may be taken note of: a scrape that is
// answered meanwhile counts the outage on, and what was published is not taken back.
const notedTolerance = 50 * time.Millisecond

// writing is the beats of a run in the order in which they were sent, or would have been.
type writing struct {
	j     *judge
	r     *run
	beats []*history.Beat
	// hides are those that may hide an attempt at another server, before the one that is told.
	hides map[*history.Beat]bool
	all   []*outage
}

// checkOutages checks the outages that a run tells of: each begins with the first beat that
// was not acknowledged, or not in time, and ends with the next acknowledgement.
func (j *judge) checkOutages(r *run) []*outage {
	w := &writing{j: j, r: r, beats: slices.Clone(r.beats), hides: map[*history.Beat]bool{}}
	slices.SortStableFunc(w.beats, func(a, b *history.Beat) int { return cmp.Compare(a.Attempted, b.Attempted) })
	for i, b := range w.beats {
		known := r.before(b.Started)
		w.hides[b] = i > 0 && w.beats[i-1].Written != b.Written || len(known) > 0 && known[len(known)-1].Written != b.Written
	}
	w.pair()
	for _, o := range w.all {
		w.checkBeginning(o)
	}
	for _, b := range w.beats {
		w.checkBeat(b)
	}
	return w.all
}

// pair puts the beginnings and the ends together that are told.
func (w *writing) pair() {
	var ends []*history.Beat
	for _, b := range w.beats {
		if n := noticeOf(b, history.OutageBegan); n != nil {
			w.all = append(w.all, &outage{began: n.Since, ended: history.Never, number: b.Number})
		}
		if n := noticeOf(b, history.OutageEnded); n != nil {
			w.j.expect(b.Acknowledged != nil, checkOutages, "%s: beat %d ends an outage, and was not acknowledged", w.r.Exporter, b.Number)
			ends = append(ends, b)
		}
	}
	slices.SortFunc(w.all, func(a, b *outage) int { return cmp.Compare(a.began, b.began) })
	slices.SortStableFunc(ends, func(a, b *history.Beat) int { return cmp.Compare(acknowledgement(a), acknowledgement(b)) })
	w.j.expect(len(ends) == len(w.all) || len(ends) == len(w.all)-1, checkOutages, "%s: %d outages begin, and %d end", w.r.Exporter, len(w.all), len(ends))
	for i, o := range w.all[:min(len(w.all), len(ends))] {
		b := ends[i]
		after, lasted := noticeOf(b, history.OutageEnded).After, acknowledgement(b)-o.began
		holds := after == lasted || w.hides[b] && after > 0 && after < lasted && o.began+after >= b.Started
		w.j.expect(holds, checkOutages, "%s: beat %d ends an outage after %v, not %v", w.r.Exporter, b.Number, time.Duration(after), time.Duration(lasted))
		o.ended = o.began + after
	}
}

// acknowledgement is when a beat was acknowledged, after all others if it was not.
func acknowledgement(b *history.Beat) history.Moment {
	if b.Acknowledged == nil {
		return history.Never
	}
	return *b.Acknowledged
}

// checkBeginning checks that an outage begins with a beat that was not acknowledged, or not in
// time, and after one that was; and that none was acknowledged while it lasted.
func (w *writing) checkBeginning(o *outage) {
	explained := false
	for i, b := range w.beats {
		switch {
		case w.hides[b] && b.Started <= o.began && o.began <= b.Attempted:
			explained = true
		case b.Attempted == o.began && (b.Acknowledged == nil || w.slow(b) != no):
			explained = explained || i == 0 || w.beats[i-1].Acknowledged != nil
		}
	}
	w.j.expect(explained, checkOutages, "%s: an outage begins at %d with no beat that failed after one that did not", w.r.Exporter, o.began)
	within := len(w.r.before(o.ended-1)) - len(w.r.before(o.began))
	w.j.expect(within == 0, checkOutages, "%s: %d beats were acknowledged in the outage from %d to %d", w.r.Exporter, within, o.began, o.ended)
}

// checkBeat checks that a beat lies in an outage where it surely failed, or was acknowledged too late.
func (w *writing) checkBeat(b *history.Beat) {
	switch {
	case w.hides[b]:
		return
	case b.Acknowledged != nil && w.slow(b) != yes:
		return
	case b.Acknowledged == nil && (!b.Refused || len(w.r.before(b.Ended)) > len(w.r.before(b.Attempted))):
		return // Another one was acknowledged before it was known why this was not.
	}
	i := sort.Search(len(w.all), func(i int) bool { return w.all[i].began > b.Attempted }) - 1
	w.j.expect(i >= 0 && b.Attempted <= w.all[i].ended, checkOutages, "%s: beat %d, sent at %d, failed, and there is no outage", w.r.Exporter, b.Number, b.Attempted)
}

// slow says whether a beat was acknowledged so late that the next one of the pulse could not be
// sent: after its interval, and after thrice the median of the last 31. What is within
// two places of the median is not told apart: some commits may not be known.
func (w *writing) slow(b *history.Beat) answer {
	const last, enough, places = 31, 15, 2
	known := w.r.before(b.Attempted)
	known = known[max(0, len(known)-last):]
	if w.j.Settings.Pulse == 0 || len(known) < enough-places {
		return no
	}
	var usual []history.Moment
	for _, before := range known {
		usual = append(usual, *before.Acknowledged-*before.Sent)
	}
	slices.Sort(usual)
	took, middle := *b.Acknowledged-b.Attempted, len(usual)/2
	switch {
	case took <= max(w.j.Settings.Pulse, 3*usual[middle-places]):
		return no
	case took > max(w.j.Settings.Pulse, 3*usual[middle+places]) && len(usual) >= enough+places:
		return yes
	default:
		return unproved
	}
}

// noticeOf returns a beat's notice of a kind, nil for none.
func noticeOf(b *history.Beat, kind string) *history.Notice {
	for i := range b.Notices {
		if b.Notices[i].Kind == kind {
			return &b.Notices[i]
		}
	}
	return nil
}

// checkOutageTotals checks that a scrape's totals are the outages that began by then, and their time.
func (j *judge) checkOutageTotals(r *run, all []*outage, t published) {
	least, most := r.counted(t)
	from := t.from
	if t.Beat > 0 && t.Beat <= len(r.beats) {
		from = r.beats[t.Beat-1].Ended
	}
	var low, high int64
	var shortest, longest history.Moment
	for _, o := range all {
		if o.number <= least {
			low++
			shortest += o.lasted(from)
		}
		if o.number <= most {
			high++
		}
		longest += o.lasted(t.to)
	}
	j.expect(t.Outages >= low && t.Outages <= high, checkOutageCount, "%s: %d outages, not %d to %d", t.who, t.Outages, low, high)
	if len(r.beats) == 0 || r.ended[len(r.ended)-1] < t.to {
		return // What the last beats will say is not known.
	}
	tolerance := float64(rounding) * float64(len(all)+1)
	seconds := t.OutageSeconds * float64(time.Second)
	j.expect(seconds >= float64(shortest)-tolerance && seconds <= float64(longest)+float64(notedTolerance), checkOutageTime, "%s: outages lasted %v, not %v to %v",
		t.who, time.Duration(math.Round(seconds)), time.Duration(shortest), time.Duration(longest))
}
