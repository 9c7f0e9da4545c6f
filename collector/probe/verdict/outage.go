package verdict

import "time"

// Outages are the times in which nobody could write: each from sending the first beat that
// failed to the acknowledgement of the first one that did not. The zero value has none.
type Outages struct {
	doubt time.Time     // when the first beat since the last acknowledgement would have been sent of which nothing is known
	began time.Time     // of the one that lasts; zero where none does
	ended time.Duration // of all that have ended
}

// Doubt says that nothing is known of a beat that would have been sent at the given time.
// Where one that fails is the next of which something is known, that one had failed too.
func (o *Outages) Doubt(sent time.Time) {
	if o.doubt.IsZero() {
		o.doubt = sent
	}
}

// Fail says that a beat failed which was sent, or would have been, at the given time, and
// returns when the outage began that begins with it; the zero time where one lasts already.
func (o *Outages) Fail(sent time.Time) (began time.Time) {
	if !o.began.IsZero() {
		return time.Time{}
	}
	o.Doubt(sent)
	o.began = o.doubt
	return o.began
}

// Acknowledge says that a beat was acknowledged, and returns how long the outage lasted
// that ends with it; 0 where none does.
func (o *Outages) Acknowledge(at time.Time) time.Duration {
	o.doubt = time.Time{}
	if o.began.IsZero() {
		return 0
	}
	lasted := at.Sub(o.began)
	o.ended += lasted
	o.began = time.Time{}
	return lasted
}

// Time returns how long all of them have lasted by now.
func (o *Outages) Time(now time.Time) time.Duration {
	if o.began.IsZero() {
		return o.ended
	}
	return o.ended + now.Sub(o.began)
}
