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

// shortestPause is how often a source may have itself asked.
const shortestPause = time.Second

// Status is how a source does.
type Status struct {
	Kind        string
	Asked       bool      // it has answered or failed
	Up          bool      // the last time it was asked it told
	LastSuccess time.Time // zero: it never told
	Found       Found     // what it told last; not to be changed
}

// Watcher keeps asking one source.
type Watcher struct {
	source Source

	mu     sync.Mutex
	status Status
}

// NewWatcher returns the watcher of a source, which nobody else may ask then.
func NewWatcher(source Source) *Watcher {
	return &Watcher{source: source, status: Status{Kind: source.Kind()}}
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
		found, again, err := w.source.Find(ctx)
		if ctx.Err() != nil {
			return
		}
		w.note(found, err)
		var news bool
		if known, news = known.after(found, err); news {
			tell(found, err)
		}
		if err != nil {
			failures++
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause(failures, again, rand.Float64())): //nolint:gosec // It is no secret.
		}
	}
}

// note writes down how the source does.
func (w *Watcher) note(found Found, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Asked, w.status.Up = true, err == nil
	if err == nil {
		w.status.LastSuccess, w.status.Found = time.Now(), found
	}
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
