//go:build unix

package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Moments are when the parts of a probe were sent and came back, on our monotonic
// clock. Those of what did not happen are zero.
type Moments struct {
	// Primary is the node that acknowledged the canary.
	Primary                   string
	Capacity                  int64
	Sent, Acknowledged, Ended time.Time
	// Reads are those of each replica.
	Reads []Reads
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

// account collects the lines of a beat, whose own comes last.
func (e *Exporter) account(line logLine) {
	switch line["msg"] {
	case "reads":
		e.reads = append(e.reads, line)
		return
	case "beat":
		e.accountBeat(line)
	case "probe":
		e.accountBeat(line)
		m := &Moments{
			Primary: line["primary"], Capacity: line.number("capacity"),
			Sent: line.moment(e.origin, "sent"), Acknowledged: line.moment(e.origin, "acknowledged"), Ended: line.moment(e.origin, "ended"),
		}
		for _, read := range e.reads {
			m.Reads = append(m.Reads, Reads{
				Node:      read["node"],
				FirstSent: read.moment(e.origin, "first_sent"), FirstReceived: read.moment(e.origin, "first_received"),
				LastStale: read.moment(e.origin, "last_stale_sent"), FirstFresh: read.moment(e.origin, "first_fresh_received"),
				Decided: read.moment(e.origin, "decided"),
			})
		}
		e.moments = append(e.moments[max(0, len(e.moments)-kept+1):], m)
	default:
		return
	}
	e.reads = nil
	close(e.news)
	e.news = make(chan struct{})
}

// Probe makes one scrape and returns what it showed, and the moments of the probe
// behind it, nil when that wrote nothing. No other scrape may run meanwhile.
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
	// The beat of a pulse that has not been acknowledged yet serves a scrape that comes then.
	if err == nil && (m.Acknowledged.Before(began) || m.Ended.After(ended)) {
		err = fmt.Errorf("the exporter's clock is not ours: its canary was acknowledged %v after the scrape began, and the probe ended %v before it did",
			m.Acknowledged.Sub(began), ended.Sub(m.Ended))
	}
	return samples, m, err
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
		if m.Capacity == capacity {
			// After a failover another canary may have the same value.
			e.moments = slices.Delete(e.moments, i, i+1)
			return m, nil
		}
	}
	return nil, e.news
}
