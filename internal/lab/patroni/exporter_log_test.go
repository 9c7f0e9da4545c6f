//go:build unix && patroni

package patroni_test

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// lines is the exporter's log.
type lines struct {
	mu   sync.Mutex
	said []line
}

type line struct {
	at   time.Time // it came
	text string
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line{time.Now(), strings.TrimSpace(string(text))})
	return len(text), nil
}

// after returns the lines since a moment.
func (l *lines) after(began time.Time) (after []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, each := range l.said {
		if !each.at.Before(began) {
			after = append(after, each.text)
		}
	}
	return after
}

func (l *lines) all() string { return strings.Join(l.after(time.Time{}), "\n") }

// since returns what people are told since a moment.
func (l *lines) since(began time.Time) string {
	var told []string
	for _, text := range l.after(began) {
		if !strings.Contains(text, "level=debug") {
			told = append(told, text)
		}
	}
	return strings.Join(told, "\n")
}

// acknowledged returns the values above one that a node acknowledged since a moment, each once.
func (l *lines) acknowledged(cluster, node string, began time.Time, above int64) map[int64]bool {
	values := map[int64]bool{}
	for _, text := range l.after(began) {
		fields := map[string]string{}
		for _, field := range strings.Fields(text) {
			key, value, _ := strings.Cut(field, "=")
			fields[key] = value
		}
		if (fields["msg"] != "beat" && fields["msg"] != "probe") || fields["cluster"] != cluster || fields["primary"] != node || fields["acknowledged"] == "" {
			continue
		}
		if value, err := strconv.ParseInt(fields["capacity"], 10, 64); err == nil && value > above {
			values[value] = true
		}
	}
	return values
}
