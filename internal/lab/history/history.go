// Package history is the file that a soak run writes and soakcheck judges, one
// JSON object a line, and what can be concluded from an observer's reads. It is
// all that the two share, and knows nothing of the exporter.
package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Moment is in nanoseconds since the run began, by the machine's monotonic clock.
type Moment int64

// Clock turns times into moments.
type Clock struct{ Began time.Time }

// Moment returns a time on the clock.
func (c Clock) Moment(t time.Time) Moment { return Moment(t.Sub(c.Began)) }

// Known returns a time on the clock, nil for the zero time.
func (c Clock) Known(t time.Time) *Moment {
	if t.IsZero() {
		return nil
	}
	m := c.Moment(t)
	return &m
}

// Line has exactly one of its fields.
type Line struct {
	Settings *Settings `json:"settings,omitempty"`
	Probe    *Probe    `json:"probe,omitempty"`
	Seen     *Seen     `json:"seen,omitempty"`
	Fault    *Fault    `json:"fault,omitempty"`

	Beat  *Beat  `json:"beat,omitempty"`
	Delay *Delay `json:"delay,omitempty"`

	Branch *Branch `json:"branch,omitempty"`
	Span   *Span   `json:"span,omitempty"`
	Shown  *Shown  `json:"shown,omitempty"`
	Scrape *Scrape `json:"scrape,omitempty"`
}

// Settings is the first line.
type Settings struct {
	// SyncedWithin is the exporter's setting of that name.
	SyncedWithin Moment `json:"synced_within"`
	// Failovers is how often each change of primaries was to be made.
	Failovers int `json:"failovers,omitempty"`
	// Pulse is the interval of the beats between scrapes, 0 for none.
	Pulse Moment `json:"pulse,omitempty"`
}

// Probe is what the exporter said in one scrape. What it did not say is null.
type Probe struct {
	Number int `json:"number"`
	// From and To bracket the scrape.
	From Moment `json:"from"`
	To   Moment `json:"to"`

	// What the scrape over HTTP showed.
	Up              bool     `json:"up"`
	Capacity        *int64   `json:"primary_capacity,omitempty"`
	PrimaryLSN      *int64   `json:"primary_lsn,omitempty"`
	ReplicaCapacity *int64   `json:"replica_capacity,omitempty"`
	Synced          *bool    `json:"synced,omitempty"`
	LagBytes        *int64   `json:"lag_bytes,omitempty"`
	LagSeconds      *float64 `json:"lag_seconds,omitempty"`
	Bound           *float64 `json:"staleness_bound_seconds,omitempty"`
	Unseen          *int64   `json:"unseen_beats,omitempty"`
	State           string   `json:"state,omitempty"`
	Totals          Totals   `json:"totals"`

	// What a scrape does not show: the exporter's own account of when the
	// canary became visible.
	Sent         *Moment `json:"sent,omitempty"`
	Acknowledged *Moment `json:"acknowledged,omitempty"`
	Reads
	// Ended is when the whole probe had ended.
	Ended *Moment `json:"ended,omitempty"`
}

// Read is one round trip.
type Read struct {
	Sent     Moment `json:"sent"`
	Received Moment `json:"received"`
}

// Seen is what an observer of its own saw: reads of the replica on one
// connection, one after the other, that all showed one value.
type Seen struct {
	Value      int64 `json:"value"`
	Connection int   `json:"connection"`
	First      Read  `json:"first"`
	Last       Read  `json:"last"`
}

// Fault is something that was done to the servers between two moments.
type Fault struct {
	Kind string `json:"kind"`
	From Moment `json:"from"`
	To   Moment `json:"to"`
	// Restart is true when the replica's life ended and a new one began in
	// this time, neither before nor after.
	Restart bool `json:"restart,omitempty"`
}

// Writer appends lines to a history.
type Writer struct{ encoder *json.Encoder }

// NewWriter returns a writer that hands every line to w at once.
func NewWriter(w io.Writer) *Writer { return &Writer{json.NewEncoder(w)} }

// Write appends one line.
func (w *Writer) Write(line Line) error { return w.encoder.Encode(line) }

// History is a whole file.
type History struct {
	Settings Settings
	Probes   []Probe
	Beats    []Beat
	Delays   []Delay
	Seen     []Seen
	Faults   []Fault
	// Of failovers: see lines.go.
	Branches []Branch
	Spans    []Span
	Shown    []Shown
	Scrapes  []Scrape
}

// Load reads a whole file. A line that is none of the known kinds is an error,
// and so is a file without settings.
func Load(r io.Reader) (*History, error) {
	h := &History{}
	decoder := json.NewDecoder(bufio.NewReader(r))
	decoder.DisallowUnknownFields()
	begun := false
	for number := 1; ; number++ {
		var line Line
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if !h.add(&line) {
			return nil, fmt.Errorf("line %d says nothing", number)
		}
		begun = begun || line.Settings != nil
	}
	if !begun {
		return nil, errors.New("the history has no settings")
	}
	return h, nil
}

// add adds what a line says, and is false where that is nothing.
func (h *History) add(line *Line) bool {
	switch {
	case line.Settings != nil:
		h.Settings = *line.Settings
	case line.Probe != nil:
		h.Probes = append(h.Probes, *line.Probe)
	case line.Seen != nil:
		h.Seen = append(h.Seen, *line.Seen)
	case line.Fault != nil:
		h.Faults = append(h.Faults, *line.Fault)
	case line.Beat != nil:
		h.Beats = append(h.Beats, *line.Beat)
	case line.Delay != nil:
		h.Delays = append(h.Delays, *line.Delay)
	case line.Branch != nil:
		h.Branches = append(h.Branches, *line.Branch)
	case line.Span != nil:
		h.Spans = append(h.Spans, *line.Span)
	case line.Shown != nil:
		h.Shown = append(h.Shown, *line.Shown)
	case line.Scrape != nil:
		h.Scrapes = append(h.Scrapes, *line.Scrape)
	default:
		return false
	}
	return true
}
