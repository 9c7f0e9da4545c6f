package soakcheck

import (
	"math"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// outage is one that an exporter told of, with the number of the beats that were the first to know of
// its beginning and its end; 0 while it lasts.
type outage struct {
	began, ended    history.Moment
	begins, endedBy int
}

// lasted is how long it had by a moment.
func (o *outage) lasted(by history.Moment) history.Moment {
	return max(0, min(o.ended, by)-o.began)
}

// between are the moments of which one is meant.
type between struct{ from, to history.Moment }

// writing goes through the beats of a run as they were written.
type writing struct {
	j       *judge
	r       *run
	all     []*outage
	lasts   *outage // nil for none
	doubt   *between
	took    []history.Moment // of the commits
	written string           // the beat before
}

// checkOutages checks what a run says of each beat: an outage begins with the first that
// was not acknowledged, or not in time, and ends with the next acknowledgement.
func (j *judge) checkOutages(r *run) []*outage {
	w, all := &writing{j: j, r: r}, r.inOrderOfWriting()
	for i, b := range all {
		// A beat that is acknowledged by another server may hide an attempt at the one before.
		hides := w.written != "" && w.written != b.Written
		w.written = b.Written
		// Why one failed may be known only when the next one has been sent, which tells then.
		w.begin(b, hides, i+1 < len(all) && all[i+1].Attempted <= b.Ended)
		w.end(b, hides)
	}
	return w.all
}

func (w *writing) begin(b *history.Beat, hides, overtaken bool) {
	attempted := between{b.Attempted, b.Attempted}
	if hides {
		attempted.from = b.Started
	}
	start := attempted
	if w.doubt != nil {
		start = *w.doubt
		if hides {
			start.to = attempted.to
		}
	}
	begins := no
	switch {
	case w.lasts != nil:
	case b.Acknowledged == nil && b.Refused && !overtaken:
		begins = yes
	case hides || b.Refused:
		begins = unproved
	case b.Acknowledged != nil:
		begins = w.slow(*b.Acknowledged - b.Attempted)
	}
	told := noticeOf(b, history.OutageBegan)
	if b.Acknowledged == nil && told == nil && w.doubt == nil {
		w.doubt = &attempted
	}
	if begins != unproved {
		w.j.expect((told != nil) == (begins == yes), checkOutages, "%s: beat %d, sent at %d, begins an outage: %v, it says %v",
			w.r.Exporter, b.Number, b.Attempted, begins == yes, told != nil)
	}
	if told == nil {
		return
	}
	w.j.expect(told.Since >= start.from && told.Since <= start.to, checkOutages, "%s: beat %d begins an outage at %d, not from %d to %d",
		w.r.Exporter, b.Number, told.Since, start.from, start.to)
	w.lasts = &outage{began: told.Since, ended: history.Never, begins: b.Number}
	w.all = append(w.all, w.lasts)
}

func (w *writing) end(b *history.Beat, hides bool) {
	told := noticeOf(b, history.OutageEnded)
	ends := b.Acknowledged != nil && w.lasts != nil
	w.j.expect((told != nil) == ends, checkOutages, "%s: beat %d ends an outage: %v, it says %v", w.r.Exporter, b.Number, ends, told != nil)
	if b.Acknowledged == nil {
		return
	}
	w.doubt = nil
	w.took = append(w.took, *b.Acknowledged-*b.Sent)
	if !ends {
		return
	}
	w.lasts.ended, w.lasts.endedBy = *b.Acknowledged, b.Number
	if told != nil {
		lasted := *b.Acknowledged - w.lasts.began
		holds := told.After == lasted || hides && told.After < lasted && told.After >= b.Started-w.lasts.began
		w.j.expect(holds, checkOutages, "%s: beat %d ends an outage after %v, not %v", w.r.Exporter, b.Number, time.Duration(told.After), time.Duration(lasted))
		w.lasts.ended = w.lasts.began + told.After
	}
	w.lasts = nil
}

// slow says whether a beat was acknowledged so late that the next one of the pulse could not be
// sent: after its interval, and after thrice the median of the last 31. What is within
// two places of the median is not told apart: some commits may not be known.
func (w *writing) slow(took history.Moment) answer {
	const last, enough, places = 31, 15, 2
	usual := slices.Clone(w.took[max(0, len(w.took)-last):])
	if w.j.Settings.Pulse == 0 || len(usual) < enough-places {
		return no
	}
	slices.Sort(usual)
	middle := len(usual) / 2
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
		if o.begins <= least {
			low++
			shortest += o.lasted(from)
		}
		if o.begins <= most {
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
	j.expect(seconds >= float64(shortest)-tolerance && seconds <= float64(longest)+tolerance, checkOutageTime, "%s: outages lasted %v, not %v to %v",
		t.who, time.Duration(math.Round(seconds)), time.Duration(shortest), time.Duration(longest))
}
