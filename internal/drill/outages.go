package drill

import (
	"slices"
	"time"
)

// outages tells the outages of a series of beats.
type outages struct {
	every  time.Duration // the time between two beats
	delay  time.Duration // how long after a beat its result may come, because the replicas are read
	usual  commits
	last   beat      // the last one that was acknowledged
	seen   time.Time // when the last one ended
	counts Counts
	open   *interval
	ended  []Outage
	pauses Pauses
	writes []Writing
}

// add takes the next beat, and returns the outages that are known with it to have begun, and to
// have ended; nil for none.
func (o *outages) add(b beat) (began, ended *Outage) {
	patience := o.usual.patience(o.every)
	if o.open != nil {
		patience = o.open.patience
	}
	isFirst := b.acknowledged && o.last.sent.IsZero() // It tells what is usual.
	waited := b.took() > patience && !isFirst
	o.count(b, waited)
	o.write(b, waited)
	switch {
	case b.acknowledged && !waited && o.open != nil:
		began, ended = o.close(b)
	case b.acknowledged && !waited:
	default:
		if o.open == nil {
			o.open = &interval{Outage: Outage{Began: b.sent, Before: o.last.position()}, before: o.last.sent, patience: patience}
		}
		o.open.add(b, waited)
		began = o.announce()
	}
	if b.acknowledged {
		o.usual.add(b.took())
		o.last = b
	}
	o.seen = b.ended
	return began, ended
}

func (o *outages) count(b beat, waited bool) {
	switch {
	case b.acknowledged && waited:
		o.counts.Acknowledged++
		o.counts.Late++
	case b.acknowledged:
		o.counts.Acknowledged++
	case waited:
		o.counts.GivenUp++
	default:
		o.counts.Refused++
	}
}

func (o *outages) write(b beat, waited bool) {
	fate := fateOf(b, waited)
	if n := len(o.writes); n == 0 || o.writes[n-1].Fate != fate {
		o.writes = append(o.writes, Writing{Fate: fate, From: b.sent})
	}
}

func fateOf(b beat, waited bool) Fate {
	switch {
	case waited:
		return Waiting
	case b.acknowledged:
		return Acknowledged
	default:
		return Refused
	}
}

// announce returns the open outage, the first time that it is known to be one.
func (o *outages) announce() *Outage {
	if o.open.announced || o.open.isPause() {
		return nil
	}
	o.open.announced = true
	began := o.open.Outage
	return &began
}

// close ends the open outage with a beat that was acknowledged at once.
func (o *outages) close(b beat) (began, ended *Outage) {
	if o.open.Lasts() {
		o.open.end(b)
	}
	outage := o.open.Outage
	began = o.announce()
	o.open = nil
	if outage.isPause() {
		o.pauses.Count++
		o.pauses.Lasted += outage.Lasted
		o.pauses.Longest = max(o.pauses.Longest, outage.Lasted)
		return nil, nil
	}
	o.ended = append(o.ended, outage)
	return began, &outage
}

// waitsSince returns since when a beat has been waiting of which no result has come by now; zero
// where none is known to.
func (o *outages) waitsSince(now time.Time) time.Time {
	if o.seen.IsZero() {
		return time.Time{}
	}
	since := o.seen.Add(o.every)
	if now.Sub(since) <= max(o.usual.patience(o.every), shortestWait)+o.delay {
		return time.Time{}
	}
	return since
}

// all returns the outages by now, with the one that lasts.
func (o *outages) all(now time.Time) []Outage {
	all := slices.Clone(o.ended)
	waits := o.waitsSince(now)
	var last interval
	switch {
	case o.open != nil && (o.open.Lasts() || !waits.IsZero()):
		last = *o.open
		last.Ended, last.After = time.Time{}, Position{}
	case o.open != nil:
		last = *o.open
	case !waits.IsZero():
		last = interval{Outage: Outage{Began: waits, Before: o.last.position()}, before: o.last.sent, begunBy: waits, lastsAt: waits}
	default:
		return all
	}
	if !waits.IsZero() {
		last.Waited += now.Sub(waits)
		last.lastsAt = waits
	}
	if last.Lasts() {
		last.bounds(now)
	}
	if !last.isPause() {
		last.Refusals = slices.Clone(last.Refusals) // The beats to come are counted in these.
		all = append(all, last.Outage)
	}
	return all
}

// lane returns what became of the beats by now, with the one that waits.
func (o *outages) lane(now time.Time) []Writing {
	lane := slices.Clone(o.writes)
	if since := o.waitsSince(now); !since.IsZero() && (len(lane) == 0 || lane[len(lane)-1].Fate != Waiting) {
		lane = append(lane, Writing{Fate: Waiting, From: since})
	}
	return lane
}
