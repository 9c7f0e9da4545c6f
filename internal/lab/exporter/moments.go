//go:build unix

package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Moments are when the parts of a probe, or of a beat of the pulse, were sent and came
// back, on our monotonic clock. Those of what did not happen are zero.
type Moments struct {
	// Number counts those of an exporter, from 1 on, in the order in which they ended: so its
	// counters have them. Scraped is false for a beat of the pulse.
	Number  int
	Scraped bool
	// Primary is the node that acknowledged the canary, or was to.
	Primary string
	// Capacity and LSN are the value that was acknowledged and a position that is not
	// before it.
	Capacity, LSN             int64
	Started, Attempted, Ended time.Time
	Sent, Acknowledged        time.Time
	// Reason is why it was not acknowledged, "" where that is not known.
	Reason string
	// Reads are those of each replica.
	Reads []Reads
	// Notices are what it was the first to see.
	Notices []Notice
}

// Reads are the moments of one replica.
type Reads struct {
	Node                     string
	FirstSent, FirstReceived time.Time
	// LastStale is when the last read that did not show the canary was sent,
	// FirstFresh when the first one that did came back, and Decided when the one came
	// back that decided: that one, or else the last.
	LastStale, FirstFresh, Decided time.Time
}

// Shown is a visibility delay that was counted.
type Shown struct {
	Node                   string
	Capacity               int64
	Acknowledged, Received time.Time
}

// kept is how many probes' moments are kept: some end while nobody asks.
const kept = 16

// logLine is a line of the log, by its keys. A value with spaces is cut off.
type logLine map[string]string

func parseLine(text string) logLine {
	line := logLine{}
	for _, field := range strings.Fields(text) {
		if key, value, ok := strings.Cut(field, "="); ok {
			line[key] = value
		}
	}
	return line
}

// moment returns a time of the line, zero where it has none. The exporter took
// the system's clock once, when it began, and counts from there by the monotonic
// one; origin is when we did. A step of the system's clock moves neither.
func (l logLine) moment(origin time.Time, key string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, l[key])
	if err != nil {
		return time.Time{}
	}
	return origin.Add(t.Sub(origin))
}

func (l logLine) number(key string) (n int64) {
	_, _ = fmt.Sscan(l[key], &n)
	return n
}

// position reads an LSN, 0 where the line has none.
func (l logLine) position(key string) int64 {
	var high, low int64
	if _, err := fmt.Sscanf(l[key], "%X/%X", &high, &low); err != nil {
		return 0
	}
	return high<<32 | low
}

// account collects the lines of a beat, whose own comes last.
func (e *Exporter) account(text string, line logLine) {
	switch line["msg"] {
	case "reads":
		e.reads = append(e.reads, Reads{
			Node:      line["node"],
			FirstSent: line.moment(e.origin, "first_sent"), FirstReceived: line.moment(e.origin, "first_received"),
			LastStale: line.moment(e.origin, "last_stale_sent"), FirstFresh: line.moment(e.origin, "first_fresh_received"),
			Decided: line.moment(e.origin, "decided"),
		})
	case "shown":
		e.told.keepShown(Shown{
			Node: line["node"], Capacity: line.number("capacity"),
			Acknowledged: line.moment(e.origin, "acknowledged"), Received: line.moment(e.origin, "received"),
		})
	case "probe", "beat":
		e.accountBeat(line)
	default:
		if n, ok := e.noticeOf(text, line); ok {
			e.notices = append(e.notices, n)
		}
	}
}

func (e *Exporter) accountBeat(line logLine) {
	m := &Moments{
		Scraped: line["msg"] == "probe", Primary: line["primary"], Capacity: line.number("capacity"), LSN: line.position("lsn"),
		Started: line.moment(e.origin, "started"), Attempted: line.moment(e.origin, "attempted"), Ended: line.moment(e.origin, "ended"),
		Sent: line.moment(e.origin, "sent"), Acknowledged: line.moment(e.origin, "acknowledged"),
		Reason: line["reason"], Reads: e.reads, Notices: e.notices,
	}
	e.reads, e.notices = nil, nil
	e.told.keepBeat(m)
	if !m.Acknowledged.IsZero() {
		e.acknowledged = m.Acknowledged
	}
	if m.Scraped {
		e.moments = append(e.moments[max(0, len(e.moments)-kept+1):], m)
	}
	close(e.news)
	e.news = make(chan struct{})
}

// Probe makes one scrape and returns what it showed, and the moments of the probe
// behind it, nil when that wrote nothing, or had not ended when the scrape was
// answered. No other scrape may run meanwhile.
func (e *Exporter) Probe(ctx context.Context) (Samples, *Moments, error) {
	began := time.Now()
	samples, err := e.Scrape(ctx)
	if err != nil {
		return samples, nil, err
	}
	ended := time.Now()
	up, capacity := samples.Value("pg_canary_up") == 1, samples.Integer("pg_canary_primary_capacity")
	if up != (capacity != nil) {
		return samples, nil, fmt.Errorf("up is %v, but the capacity that was written %v", up, capacity)
	}
	if !up {
		return samples, nil, nil
	}
	m, err := e.momentsOf(ctx, *capacity)
	switch {
	case err != nil:
		return samples, nil, err
	case m.Ended.Before(began) || m.Acknowledged.After(ended):
		return samples, nil, fmt.Errorf("the exporter's clock is not ours: a probe ended %v after the scrape began, and was acknowledged %v before that ended",
			m.Ended.Sub(began), ended.Sub(m.Acknowledged))
	case m.Ended.After(ended):
		return samples, nil, nil
	default:
		return samples, m, nil
	}
}

// momentsOf returns those of the probe that wrote a capacity, which a scrape has
// shown. The exporter has logged them by then, but they may be on their way.
func (e *Exporter) momentsOf(ctx context.Context, capacity int64) (*Moments, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		found, news := e.lookUp(capacity)
		if found != nil {
			return found, nil
		}
		select {
		case <-news:
		case <-e.ended:
			return nil, fmt.Errorf("the exporter ended: %s", e.lastLine())
		case <-ctx.Done():
			return nil, fmt.Errorf("the exporter does not log the moments of canary %d: %w", capacity, ctx.Err())
		}
	}
}

func (e *Exporter) lookUp(capacity int64) (*Moments, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, m := range e.moments {
		if m.Capacity == capacity && !m.Acknowledged.IsZero() {
			// After a failover another canary may have the same value.
			e.moments = slices.Delete(e.moments, i, i+1)
			return m, nil
		}
	}
	return nil, e.news
}
