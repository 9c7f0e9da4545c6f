//go:build unix

package exporter

// told is what the log tells of all beats, for whoever asked for that.
type told struct {
	wanted   bool
	numbered int // beats so far
	shown    int // delays so far
	beats    []*Moments
	delays   []Shown
}

func (t *told) keepBeat(m *Moments) {
	t.numbered++
	m.Number = t.numbered
	if t.wanted {
		t.beats = append(t.beats, m)
	}
}

func (t *told) keepShown(s Shown) {
	t.shown++
	if t.wanted {
		t.delays = append(t.delays, s)
	}
}

// Told returns how many beats and visibility delays the exporter had counted, at the least.
func (e *Exporter) Told() (beats, shown int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told.numbered, e.told.shown
}

// TakeTold returns all beats and visibility delays since the last call, in the order in which they
// were counted. The exporter has to be run with Beats.
func (e *Exporter) TakeTold() ([]*Moments, []Shown) {
	e.mu.Lock()
	defer e.mu.Unlock()
	beats, shown := e.told.beats, e.told.delays
	e.told.beats, e.told.delays = nil, nil
	return beats, shown
}
