//go:build unix

package storm

import (
	"fmt"
	"io"
	"sync"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// figures are what happened.
type figures struct {
	scrapes, judged, up, left int
	reloads, refused          int
	faults                    [simulate.Gone + 1]int
}

// tally counts what happened, and says what was wrong.
type tally struct {
	out io.Writer
	mu  sync.Mutex
	figures
	wrongs int
}

func (t *tally) note(what func(*figures)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what(&t.figures)
}

// blame says that something is wrong, of much the first.
func (t *tally) blame(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 20
	if t.wrongs++; t.wrongs <= most {
		lab.Say(t.out, "wrong: "+format, args...)
	}
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d scrapes: %d cut off, %d judged, of which %d had a beat; %d reloads, %d broken files; servers: %d hung, %d refusing, %d gone; %d wrong",
		t.scrapes, t.left, t.judged, t.up, t.reloads, t.refused, t.faults[simulate.Hung], t.faults[simulate.Refusing], t.faults[simulate.Gone], t.wrongs)
}

// verdict is [lab.ErrUntrue] where anything was wrong.
func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrongs > 0 {
		return lab.ErrUntrue
	}
	return nil
}
