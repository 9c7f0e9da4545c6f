//go:build unix

package fleet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// reload has the exporter read its file again, and returns how long that took.
func (s *stage) reload(ctx context.Context) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.exporter.Address+"/-/reload", nil)
	if err != nil {
		return 0, err
	}
	request.Close = true
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // It was read to its end.
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("a reload ended in %s: %s", response.Status, text)
	}
	return took, nil
}

// reloadLog keeps of the exporter's log what it says of the configuration.
type reloadLog struct {
	mu    sync.Mutex
	lines [][]byte
}

// Write takes a line.
func (l *reloadLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`msg="The configuration is in force"`)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, bytes.Clone(line))
	}
	return len(line), nil
}

// count returns how many of the lines have something in them.
func (l *reloadLog) count(what string) (found int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if bytes.Contains(line, []byte(what)) {
			found++
		}
	}
	return found
}
