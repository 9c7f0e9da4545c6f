package discovery

import (
	"context"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"
)

// The pauses after failures double from firstRetry to lastRetry.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

const (
	// shortestPause is how often a source is asked at the most, be it that it says so, or that it is urgent.
	shortestPause = time.Second
	// idlePause is how often it is asked at the most while nobody needs to know.
	idlePause = 5 * time.Minute
)

// Status is how a source does.
type Status struct {
	Kind        string
	Asked       bool      // it has answered or failed
	Up          bool      // the last time it was asked it told
	LastSuccess time.Time // zero: it never told
	AskedAt     time.Time // when it was asked for what it told last
	Found       Found     // what it told last; not to be changed
}

// Watcher keeps asking one source.
type Watcher struct {
	source Source
	needed func() bool
	soon   chan struct{} // the source is to be asked before its time

	mu     sync.Mutex
	idle   bool // nobody needed to know when it was asked last
	status Status
}

// NewWatcher returns the watcher of a source, which nobody else may ask then. needed says whether anybody needs to
// know what it tells; while nobody does it is asked rarely.
func NewWatcher(source Source, needed func() bool) *Watcher {
	return &Watcher{source: source, needed: needed, soon: make(chan struct{}, 1), status: Status{Kind: source.Kind()}}
}

// Hurry has the source asked as soon as it may be: what it told may be wrong by now.
func (w *Watcher) Hurry() {
	select {
	case w.soon <- struct{}{}:
	default: // It is going to be.
	}
}

// Wake is Hurry where the source was left alone because nobody needed to know what it tells: somebody does now.
func (w *Watcher) Wake() {
	w.mu.Lock()
	idle := w.idle
	w.idle = false
	w.mu.Unlock()
	if idle {
		w.Hurry()
	}
}

// Status returns how the source does.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Watch asks until ctx ends, and tells what was found when it changed. Of a source
// that fails it tells the error, once: what was told before is still to be used, and is
// told again, changed or not, when the source is back. tell is called from here, one
// call at a time; the source is not asked meanwhile.
func (w *Watcher) Watch(ctx context.Context, tell func(Found, error)) {
	var known knowledge
	failures := 0
	for {
		asked := time.Now()
		found, again, err := w.source.Find(ctx)
		if ctx.Err() != nil {
			return
		}
		idle := w.note(asked, found, err)
		var news bool
		if known, news = known.after(found, err); news {
			tell(found, err)
		}
		if err != nil {
			failures++
		} else {
			failures = 0
		}
		if idle {
			again = max(again, idlePause)
		}
		if !w.rest(ctx, asked, pause(failures, again, rand.Float64())) { //nolint:gosec // It is no secret.
			return
		}
	}
}

// rest waits until the source, which was asked at a moment, is to be asked again: after a pause, or before that where it is
// urgent. It is false when ctx ends.
func (w *Watcher) rest(ctx context.Context, asked time.Time, pause time.Duration) bool {
	over := time.After(pause)
	select {
	case <-w.soon:
		over = time.After(min(pause, time.Until(asked.Add(shortestPause))))
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}

// note writes down how the source does, and returns whether nobody needs to know.
func (w *Watcher) note(asked time.Time, found Found, err error) (idle bool) {
	idle = !w.needed()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle, w.status.Asked, w.status.Up = idle, true, err == nil
	if err == nil {
		w.status.LastSuccess, w.status.AskedAt, w.status.Found = time.Now(), asked, found
	}
	return idle
}

// knowledge is what the one who is told knows.
type knowledge struct {
	any     bool // something was found
	found   Found
	failing bool
}

// after returns what is known after an answer or an error, and whether that is news.
func (k knowledge) after(found Found, err error) (after knowledge, news bool) {
	if err != nil {
		news = !k.failing
		k.failing = true
		return k, news
	}
	news = k.failing || !k.any || !reflect.DeepEqual(found, k.found)
	return knowledge{any: true, found: found}, news
}

// pause is how long to wait after so many failures in a row: as long as the source
// says and a tenth at the most when there is none, else longer and longer. chance is
// below 1, so that many who began together ask apart.
func pause(failures int, again time.Duration, chance float64) time.Duration {
	if failures == 0 {
		again = max(again, shortestPause)
		return again + time.Duration(chance*float64(again)/10)
	}
	longest := lastRetry
	if doublings := failures - 1; doublings < 5 {
		longest = firstRetry << doublings
	}
	return longest/2 + time.Duration(chance*float64(longest)/2)
}
