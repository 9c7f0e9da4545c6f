//go:build unix

package main

import (
	"bytes"
	"strings"
	"sync"
)

// watched is an output that tells when a text was written.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if strings.Contains(w.text.String(), w.want) {
		w.seen()
	}
	return n, err
}
