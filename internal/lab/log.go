package lab

import (
	"strings"
	"sync"
)

// Log is a text that can be read while it is written, such as a program's log. The zero value is an empty one.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to the text.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
