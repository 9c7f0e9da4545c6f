package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script is a source that answers in order, the last answer again and again.
type script struct {
	answers []reply
	mu      sync.Mutex
	asked   []time.Time
}

// questions returns when it was asked so far.
func (s *script) questions() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// reply is one answer; without nodes it is an error.
type reply struct {
	nodes string // names of a letter each
	again time.Duration
	takes time.Duration
}

var _ Source = (*script)(nil)

var errScript = errors.New("nobody tells")

func (*script) Kind() string { return "script" }

func (s *script) Find(ctx context.Context) (Found, time.Duration, error) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.mu.Unlock()
	next := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	select {
	case <-ctx.Done():
		return Found{}, 0, ctx.Err()
	case <-time.After(next.takes):
	}
	if next.nodes == "" {
		return Found{}, 0, errScript
	}
	var found Found
	for _, name := range next.nodes {
		found.Nodes = append(found.Nodes, Node{Name: string(name), Host: string(name), Port: 1})
	}
	return found, next.again, nil
}

// always says that somebody needs to know.
func always() bool { return true }

// watched is what a watcher told and how it stood, after some time.
type watched struct {
	told   []string
	status Status
	asked  []time.Duration // from one question to the next
}

func watch(t *testing.T, during time.Duration, answers ...reply) watched {
	t.Helper()
	var got watched
	synctest.Test(t, func(t *testing.T) {
		source := &script{answers: answers}
		w := NewWatcher(source, always)
		ctx, cancel := context.WithTimeout(t.Context(), during)
		defer cancel()
		w.Watch(ctx, func(found Found, err error) {
			got.told = append(got.told, namesOf(found, err))
		})
		got.status = w.Status()
		for i := 1; i < len(source.asked); i++ {
			got.asked = append(got.asked, source.asked[i].Sub(source.asked[i-1]))
		}
	})
	return got
}

// TestWatchTells what changed, and a failure once.
func TestWatchTells(t *testing.T) {
	t.Parallel()
	ab, abc, fails := reply{nodes: "ab", again: 10 * time.Second}, reply{nodes: "abc", again: 10 * time.Second}, reply{}
	for name, test := range map[string]struct {
		answers []reply
		want    []string
	}{
		"nothing new":                         {[]reply{ab}, []string{"a b"}},
		"one came and went":                   {[]reply{ab, abc, abc, ab}, []string{"a b", "a b c", "a b"}},
		"a failure, and over":                 {[]reply{ab, fails, fails, fails, ab}, []string{"a b", errScript.Error(), "a b"}},
		"a failure after which another is so": {[]reply{ab, fails, fails, abc}, []string{"a b", errScript.Error(), "a b c"}},
		"a failure from the start":            {[]reply{fails, fails, ab}, []string{errScript.Error(), "a b"}},
		"two failures":                        {[]reply{fails, ab, fails, ab}, []string{errScript.Error(), "a b", errScript.Error(), "a b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, watch(t, 5*time.Minute, test.answers...).told); diff != "" {
				t.Errorf("it tells (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWatchStatus: what was found last stays when the source fails.
func TestWatchStatus(t *testing.T) {
	t.Parallel()
	got := watch(t, 15*time.Second, reply{nodes: "ab", again: 10 * time.Second, takes: time.Second}, reply{}).status
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // As synctest has it.
	if got.Kind != "script" || !got.Asked || got.Up || namesOf(got.Found, nil) != "a b" || !got.LastSuccess.Equal(start.Add(time.Second)) {
		t.Errorf("it is %+v", got)
	}
	if got := NewWatcher(&script{}, always).Status(); got.Asked || got.Up || !got.LastSuccess.IsZero() {
		t.Errorf("before the first question it is %+v", got)
	}
}

// TestWatchAsks when the source says, and less and less often while it fails.
func TestWatchAsks(t *testing.T) {
	t.Parallel()
	steady := watch(t, 10*time.Minute, reply{nodes: "a", again: 20 * time.Second}).asked
	for _, pause := range steady {
		if pause < 20*time.Second || pause >= 22*time.Second {
			t.Errorf("it asks after %v, want 20 s to 22 s", pause)
		}
	}
	if greedy := watch(t, time.Minute, reply{nodes: "a"}).asked; len(greedy) > 60 {
		t.Errorf("a source that says 0 is asked %d times in a minute", len(greedy))
	}
	failing := watch(t, 10*time.Minute, reply{}).asked
	limits := []time.Duration{1, 2, 4, 8, 16, 30, 30}
	for i, pause := range failing {
		limit := limits[min(i, len(limits)-1)] * time.Second
		if pause < limit/2 || pause > limit {
			t.Errorf("after failure %d it asks after %v, want %v to %v", i+1, pause, limit/2, limit)
		}
	}
}

// TestWatchRests while nobody needs to know, asks when somebody does, and as often as is urgent.
func TestWatchRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &script{answers: []reply{{nodes: "a", again: 10 * time.Second}}}
		var needed atomic.Bool
		w := NewWatcher(source, needed.Load)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Watch(ctx, func(Found, error) {})
		}()
		asked := func(during time.Duration, each func()) int {
			before := len(source.questions())
			for range during / time.Second {
				each()
				time.Sleep(time.Second)
			}
			synctest.Wait()
			return len(source.questions()) - before
		}
		if got := asked(4*time.Minute, func() {}); got != 1 {
			t.Errorf("while nobody needs to know, it is asked %d times in four minutes", got)
		}
		needed.Store(true)
		if got := asked(5*time.Second, w.Wake); got != 1 {
			t.Errorf("when somebody needs to know, it is asked %d times in five seconds", got)
		}
		if got := asked(time.Minute, w.Wake); got < 5 || got > 6 {
			t.Errorf("while somebody needs to know, it is asked %d times in a minute", got)
		}
		if got := asked(time.Minute, w.Hurry); got < 58 || got > 61 {
			t.Errorf("while it is urgent, it is asked %d times in a minute", got)
		}
		if at, all := w.Status().AskedAt, source.questions(); !at.Equal(all[len(all)-1]) {
			t.Errorf("what it told is of %v", at)
		}
		needed.Store(false)
		if got := asked(9*time.Minute, func() {}); got > 3 {
			t.Errorf("when nobody needs to know any more, it is asked %d times in nine minutes", got)
		}
		cancel()
		<-ended
	})
}

// TestWatchEnds with its context, in the middle of a question too, and tells nothing of it.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	got := watch(t, time.Minute, reply{takes: time.Hour})
	if len(got.told) != 0 || got.status.Asked {
		t.Errorf("it tells %q, and is %+v", got.told, got.status)
	}
}

// TestPausesDiffer: many that failed together do not ask together.
func TestPausesDiffer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failures int
		again    time.Duration
		chance   float64
		want     time.Duration
	}{
		{0, 10 * time.Second, 0, 10 * time.Second},
		{0, 10 * time.Second, 0.5, 10500 * time.Millisecond},
		{0, 0, 0, time.Second},
		{1, 0, 0, 500 * time.Millisecond},
		{1, 0, 0.5, 750 * time.Millisecond},
		{5, 0, 0, 8 * time.Second},
		{6, 0, 0, 15 * time.Second},
		{1 << 30, 0, 0.5, 22500 * time.Millisecond},
	} {
		if got := pause(test.failures, test.again, test.chance); got != test.want {
			t.Errorf("pause(%d, %v, %v) is %v, want %v", test.failures, test.again, test.chance, got, test.want)
		}
	}
}

// TestNews compares all that a source says.
func TestNews(t *testing.T) {
	t.Parallel()
	base := func() Found {
		return Found{
			Nodes:      []Node{{Name: "a", Host: "h", Port: 1, Labels: map[string]string{"nosync": "true"}}},
			Switchover: &Switchover{From: "a", At: time.Unix(1, 0)},
		}
	}
	k, news := knowledge{}.after(base(), nil)
	if !news {
		t.Error("what was found first is no news")
	}
	if _, news := k.after(base(), nil); news {
		t.Error("the same is news")
	}
	for i, change := range []func(*Found){
		func(f *Found) { f.Nodes[0].Port = 2 },
		func(f *Found) { f.Nodes[0].Leader = true },
		func(f *Found) { f.Nodes[0].State = StateGone },
		func(f *Found) { f.Nodes[0].Labels["nosync"] = "" },
		func(f *Found) { f.Nodes = append(f.Nodes, Node{Name: "b"}) },
		func(f *Found) { f.Paused = true },
		func(f *Found) { f.Switchover = nil },
		func(f *Found) { f.Switchover.At = time.Unix(2, 0) },
		func(f *Found) { f.Skipped = []string{"a member"} },
	} {
		changed := base()
		change(&changed)
		if _, news := k.after(changed, nil); !news {
			t.Error(fmt.Sprint("change ", i, " is no news"))
		}
	}
}
