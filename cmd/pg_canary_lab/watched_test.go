//go:build unix

package main

import (
	"bytes"
	"strings"
	"sync"
)

// watched is an output that tells when all of several texts were written.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	want []string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if len(w.missing()) == 0 {
		w.seen()
	}
	return n, err
}

// missing returns what was not written yet.
func (w *watched) missing() (missing []string) {
	for _, want := range w.want {
		if !strings.Contains(w.text.String(), want) {
			missing = append(missing, want)
		}
	}
	return missing
}
