package verdict

import (
	"slices"
	"time"
)

// Outages are the times in which nobody could write: each from sending the first beat that
// was not acknowledged in time to the acknowledgement of the first one that did not fail.
// The zero value has none.
type Outages struct {
	doubt    time.Time     // when the first beat since the last acknowledgement would have been sent of which nothing is known
	began    time.Time     // of the one that lasts; zero where none does
	ended    time.Duration // of all that have ended
	sent     time.Time     // of the beat that is on its way; zero for none
	patience time.Duration // how long that may take; 0 for as long as it likes, while no other is due
}

// Send says that a beat was sent, or would have been, at the given time. If it is not acknowledged
// within patience, above 0, an outage began with it. 0 leaves that to [Outages.Due].
func (o *Outages) Send(at time.Time, patience time.Duration) { o.sent, o.patience = at, patience }

// Due says that another beat was asked for, and could not be sent. If the one that is on its way may
// take as long as it likes, and has taken longer than is usual, above 0, an outage began with it.
func (o *Outages) Due(now time.Time, usual time.Duration) {
	if o.patience == 0 && usual > 0 && now.Sub(o.sent) > usual {
		o.patience = usual
	}
}

// Doubt says that nothing is known of the beat that would have been sent. Where one that
// fails is the next of which something is known, that one had failed too.
func (o *Outages) Doubt() {
	if o.doubt.IsZero() {
		o.doubt = o.sent
	}
	o.sent = time.Time{}
}

// Fail says that the beat failed, and returns when the outage began that begins with it;
// the zero time where one lasts already.
func (o *Outages) Fail() (began time.Time) {
	began = o.beginning()
	o.sent = time.Time{}
	if !o.began.IsZero() {
		return time.Time{}
	}
	o.began = began
	return began
}

// Prove says that a beat failed of which nothing was known when it was sent, or would have been,
// at the given time. It returns when the outage began that begins with it or with an earlier one
// like that; the zero time where one lasts already, or a beat was acknowledged since.
func (o *Outages) Prove(sent time.Time) (began time.Time) {
	if !o.began.IsZero() || o.doubt.IsZero() || sent.Before(o.doubt) {
		return time.Time{}
	}
	o.began = o.doubt
	return o.began
}

// Acknowledge says that the beat was acknowledged, and returns how long the outage lasted
// that ends with it, 0 where none does; and when that began, if it was not known before.
func (o *Outages) Acknowledge(at time.Time) (began time.Time, lasted time.Duration) {
	if o.overdue(at) {
		began = o.beginning()
		o.began = began
	}
	o.doubt, o.sent = time.Time{}, time.Time{}
	if o.began.IsZero() {
		return time.Time{}, 0
	}
	lasted = at.Sub(o.began)
	o.ended += lasted
	o.began = time.Time{}
	return began, lasted
}

// Time returns how long all of them have lasted by now.
func (o *Outages) Time(now time.Time) time.Duration {
	switch {
	case !o.began.IsZero():
		return o.ended + now.Sub(o.began)
	case o.overdue(now):
		return o.ended + now.Sub(o.beginning())
	default:
		return o.ended
	}
}

// overdue says whether an outage began with the beat that is on its way.
func (o *Outages) overdue(now time.Time) bool {
	return o.began.IsZero() && !o.sent.IsZero() && o.patience > 0 && now.Sub(o.sent) > o.patience
}

// beginning is when an outage began that begins with the beat that is on its way.
func (o *Outages) beginning() time.Time {
	if !o.doubt.IsZero() {
		return o.doubt
	}
	return o.sent
}

// usualCommits is of how many commits the median says what is usual.
const usualCommits = 31

// Commits are how long the last commits took. The zero value has none.
type Commits struct {
	last []time.Duration
	next int
}

// Record adds one.
func (c *Commits) Record(took time.Duration) {
	if len(c.last) < usualCommits {
		c.last = append(c.last, took)
		return
	}
	c.last[c.next] = took
	c.next = (c.next + 1) % usualCommits
}

// Patience returns how long a beat may take before the time counts as one in which nobody
// can write, where beats are sent at the interval: the next one is due, and it takes
// more than thrice what is usual. It is 0, for any time, while nothing is known to be usual.
func (c *Commits) Patience(interval time.Duration) time.Duration {
	if interval <= 0 || len(c.last) < usualCommits/2 {
		return 0
	}
	sorted := slices.Clone(c.last)
	slices.Sort(sorted)
	return max(interval, 3*sorted[len(sorted)/2])
}
