package verdict

import "time"

// Outages are the times in which nobody could write: each from sending the first beat that
// failed to the acknowledgement of the first one that did not. The zero value has none.
type Outages struct {
	count int64
	began time.Time     // of the one that lasts; zero where none does
	ended time.Duration // of all that have ended
}

// Fail says that a beat failed which was sent, or would have been, at the given time, and
// returns whether an outage begins with it.
func (o *Outages) Fail(sent time.Time) (begins bool) {
	if !o.began.IsZero() {
		return false
	}
	o.count++
	o.began = sent
	return true
}

// Acknowledge says that a beat was acknowledged, and returns how long the outage lasted
// that ends with it; 0 where none does.
func (o *Outages) Acknowledge(at time.Time) time.Duration {
	if o.began.IsZero() {
		return 0
	}
	lasted := at.Sub(o.began)
	o.ended += lasted
	o.began = time.Time{}
	return lasted
}

// Count returns how many outages have begun.
func (o *Outages) Count() int64 { return o.count }

// Time returns how long all of them have lasted by now.
func (o *Outages) Time(now time.Time) time.Duration {
	if o.began.IsZero() {
		return o.ended
	}
	return o.ended + now.Sub(o.began)
}
