package collector

import (
	"bytes"
	"slices"
	"sync"

	"github.com/prometheus/common/expfmt"
)

// exposition encodes scrapes in the format that each asks for. It keeps every
// family's text and encodes again only what changed since the last scrape of
// that format: of a healthy cluster a third, because the series of failures and
// states are most of the text. The formats are few, so it does not grow.
type exposition struct {
	mu       sync.Mutex
	encoders map[expfmt.Format]*encoder
}

// encode returns the text of the families.
func (x *exposition) encode(f families, format expfmt.Format) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.encoders == nil {
		x.encoders = map[expfmt.Format]*encoder{}
	}
	if x.encoders[format] == nil {
		x.encoders[format] = newEncoder(format)
	}
	return x.encoders[format].encode(f)
}

// encoder encodes the scrapes of one format.
type encoder struct {
	kept   []familyText // by the index of the definition
	buffer *bytes.Buffer
	expfmt.Encoder
}

// familyText is how one family's samples were encoded.
type familyText struct {
	samples []sample
	text    []byte
}

func newEncoder(format expfmt.Format) *encoder {
	buffer := &bytes.Buffer{}
	return &encoder{make([]familyText, len(metrics)), buffer, expfmt.NewEncoder(buffer, format)}
}

func (e *encoder) encode(f families) ([]byte, error) {
	size := 0
	for i, m := range metrics {
		if err := e.refresh(m, f[i]); err != nil {
			return nil, err
		}
		size += len(e.kept[i].text)
	}
	text := make([]byte, 0, size)
	for i := range e.kept {
		text = append(text, e.kept[i].text...)
	}
	return text, nil
}

// refresh encodes a family unless its text is that of the same samples.
func (e *encoder) refresh(m *Metric, samples []sample) error {
	kept := &e.kept[m.index]
	if m.Type != histogram && slices.Equal(samples, kept.samples) {
		return nil
	}
	e.buffer.Reset()
	if len(samples) > 0 {
		family, err := m.family(samples)
		if err != nil {
			return err
		}
		if err := e.Encode(family); err != nil {
			return err
		}
	}
	kept.samples, kept.text = samples, append(kept.text[:0], e.buffer.Bytes()...)
	return nil
}
