package probe

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

const ms = time.Millisecond

// gatePair is a primary that acknowledges a beat after 2 ms, and a replica that shows it after some delay, in
// synctest's time.
type gatePair struct {
	primary, replica *fakeNode
	*Cluster

	mu     sync.Mutex
	beats  []time.Time // when each was acknowledged: the first is value 1
	delay  time.Duration
	paused int64 // the replica shows no higher value, unless it is 0
}

func newGatePair(t *testing.T, cfg Config) *gatePair {
	p := &gatePair{delay: 20 * ms}
	p.primary, p.replica = &fakeNode{name: "a", server: server(1)}, &fakeNode{name: "b", server: server(2)}
	p.primary.setWrite(p.acknowledge)
	p.primary.setRead(func(int) (Read, error) {
		return read(verdict.State{Detailed: true, Timeline: 1}, row(p.written())), nil
	})
	p.replica.setWrite(func() (Write, error) {
		return Write{}, &Error{Reason: ReasonReadOnly, Answered: true, Err: errors.New("read only")}
	})
	p.replica.setRead(func(int) (Read, error) { return read(standby(verdict.LSN(100*p.visible())), row(p.visible())), nil })
	p.Cluster = newCluster(t, cfg, p.primary, p.replica)
	return p
}

func (p *gatePair) acknowledge() (Write, error) {
	sent := time.Now()
	time.Sleep(2 * ms)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats = append(p.beats, time.Now())
	n := int64(len(p.beats))
	return Write{Row: row(n), Sent: sent, Acknowledged: time.Now(), LSN: verdict.LSN(100 * n)}, nil
}

func (p *gatePair) written() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(len(p.beats))
}

// visible is the value that the replica shows now.
func (p *gatePair) visible() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := int64(0)
	for _, at := range p.beats {
		if time.Since(at) >= p.delay {
			shown++
		}
	}
	if p.paused > 0 {
		return min(shown, p.paused)
	}
	return shown
}

func (p *gatePair) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// fresh asks whether a node is fresh, and how long the answer took.
func (p *gatePair) fresh(t *testing.T, node string, ask GateAsk) (GateAnswer, time.Duration) {
	t.Helper()
	ask.Node = node
	if ask.Max == 0 {
		ask.Max = 500 * ms
	}
	began := time.Now()
	answer, err := p.Fresh(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return answer, time.Since(began)
}

// storm asks a thousand times a second for some seconds, and returns how often the answer was yes.
func (p *gatePair) storm(t *testing.T, seconds int, node string, ask GateAsk) (open, all int) {
	ask.Node = node
	var group sync.WaitGroup
	var mu sync.Mutex
	for range 1000 * seconds {
		time.Sleep(ms)
		group.Go(func() {
			answer, err := p.Fresh(t.Context(), ask)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all++
			if answer.Open {
				open++
			}
		})
	}
	group.Wait()
	return open, all
}

// TestChecksShareBeats: a thousand checks a second cost five beats a second at the most, whatever the node is like,
// and nobody else needs to probe the cluster.
func TestChecksShareBeats(t *testing.T) {
	for name, test := range map[string]struct {
		cfg    Config
		max    time.Duration
		change func(*gatePair)
		least  float64 // share of the answers that are yes, at the least
		most   float64
		beats  int
	}{
		"a node that is fresh":                {Config{MinInterval: 200 * ms}, 500 * ms, nil, 1, 1, 23},
		"as little as can be asked for":       {Config{MinInterval: 200 * ms}, 250 * ms, nil, 1, 1, 23},
		"scrapes that share nothing":          {Config{}, 250 * ms, nil, 1, 1, 23},
		"rarely":                              {Config{MinInterval: 200 * ms}, 5 * time.Second, nil, 1, 1, 5},
		"a replica that is slow":              {Config{MinInterval: 200 * ms}, time.Second, func(p *gatePair) { p.delay = 700 * ms }, 0.9, 1, 23},
		"a replica that is paused":            {Config{MinInterval: 200 * ms}, 500 * ms, func(p *gatePair) { p.paused = 1 }, 0, 0.15, 23},
		"a replica that does not answer":      {Config{MinInterval: 200 * ms}, 500 * ms, func(p *gatePair) { p.replica.hang = true }, 0, 0, 23},
		"a primary that refuses":              {Config{MinInterval: 200 * ms}, 500 * ms, func(p *gatePair) { p.primary.write = refused }, 0, 0, 0},
		"a primary that does not answer":      {Config{MinInterval: 200 * ms}, 500 * ms, func(p *gatePair) { p.primary.hang = true }, 0, 0, 0},
		"a pulse that makes the beats anyway": {Config{MinInterval: 200 * ms, Pulse: 100 * ms}, 500 * ms, nil, 0.98, 1, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newGatePair(t, test.cfg)
				if test.change != nil {
					p.set(func() { test.change(p) })
				}
				p.Start()
				open, all := p.storm(t, 4, "b", GateAsk{Max: test.max})
				if share := float64(open) / float64(all); share < test.least || share > test.most || all != 4000 {
					t.Errorf("%d of %d are let through", open, all)
				}
				if beats := p.written(); beats > int64(test.beats) {
					t.Errorf("%d beats in 4 s, want no more than %d", beats, test.beats)
				}
			})
		})
	}
}

func refused() (Write, error) {
	return Write{}, &Error{Reason: ReasonConnect, Err: errors.New("connection refused")}
}

// TestPositionsWriteNothing: the same without a beat, after the one that others make.
func TestPositionsWriteNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms, ByPosition: true})
		position := func() (verdict.Position, error) {
			now, n := time.Now(), p.written()
			return verdict.Position{Sent: now, Received: now, LSN: verdict.LSN(100 * n), Timeline: 1, Row: row(n), OwnRow: n > 0}, nil
		}
		p.primary.set(func() { p.primary.position = position })
		if answer, took := p.fresh(t, "b", GateAsk{}); answer.Open || !answer.Unwritten || answer.State != verdict.GateUnknown || took > 100*ms {
			t.Errorf("before the first beat: %+v, after %v", answer, took)
		}
		p.Probe(t.Context())
		time.Sleep(time.Minute)
		open, all := p.storm(t, 4, "b", GateAsk{Max: 500 * ms})
		primary, _ := p.storm(t, 4, "a", GateAsk{Max: 500 * ms})
		if open != all || primary != all {
			t.Errorf("%d of %d are let through to the replica, %d to the primary", open, all, primary)
		}
		if p.written() != 1 || p.primary.looks > 43 {
			t.Errorf("%d beats, %d looks at the primary", p.written(), p.primary.looks)
		}
		p.set(func() { p.beats = append(p.beats, time.Now()); p.paused = 1 }) // An application's, as far as positions go.
		time.Sleep(time.Second)
		if answer, _ := p.fresh(t, "b", GateAsk{}); answer.Open {
			t.Errorf("a replica that has not replayed it is let through: %+v", answer)
		}
		p.set(func() { p.paused = 0 })
		if answer, _ := p.fresh(t, "b", GateAsk{}); !answer.Open {
			t.Errorf("one that has is not: %+v", answer)
		}
		p.primary.set(func() {
			p.primary.position = func() (verdict.Position, error) { return verdict.Position{InRecovery: true}, nil }
		})
		time.Sleep(time.Second)
		if answer, _ := p.fresh(t, "b", GateAsk{KeepDown: true}); answer.Open || answer.State != verdict.GateNoPrimary {
			t.Errorf("without a primary it is: %+v", answer)
		}
	})
}

// TestLagIsHowOldTheBeatIs, by when it was sent, at the time of the answer.
func TestLagIsHowOldTheBeatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		p.Probe(t.Context())
		time.Sleep(200 * ms)
		answer, took := p.fresh(t, "b", GateAsk{})
		if !answer.Open || answer.State != verdict.GateFresh || *answer.Lag < 200*ms || *answer.Lag > 250*ms || answer.Primary != "a" {
			t.Errorf("%+v, lag %v", answer, answer.Lag)
		}
		if p.written() == 1 && took > 10*ms {
			t.Errorf("from what is known, it took %v", took)
		}
		time.Sleep(10 * time.Second)
		if answer, _ = p.fresh(t, "b", GateAsk{}); !answer.Open || *answer.Lag > 100*ms || p.written() < 2 {
			t.Errorf("%+v after %d beats", answer, p.written())
		}
	})
}

// TestAnswersInTime: a check is told what is known when its time is over, and to the millisecond.
func TestAnswersInTime(t *testing.T) {
	for name, change := range map[string]func(*gatePair){
		"a primary that does not answer": func(p *gatePair) { p.primary.hang = true },
		"a replica that does not answer": func(p *gatePair) { p.replica.hang = true },
		"a replica that is paused":       func(p *gatePair) { p.paused = 1 },
		"a beat that takes its time":     func(p *gatePair) { p.delay = time.Minute },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newGatePair(t, Config{MinInterval: 200 * ms})
			p.Probe(t.Context())
			time.Sleep(time.Minute)
			p.set(func() { change(p) })
			for _, timeout := range []time.Duration{ms, 100 * ms, 2 * time.Second} {
				answer, took := p.fresh(t, "b", GateAsk{Timeout: timeout, Max: 300 * ms})
				if answer.Open || answer.State == "" || took > timeout {
					t.Errorf("%s: %+v after %v, asked for within %v", name, answer, took, timeout)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*ms)
			defer cancel()
			began := time.Now()
			if answer, err := p.Fresh(ctx, GateAsk{Node: "b", Max: 300 * ms}); err != nil || answer.Open || time.Since(began) > 10*ms {
				t.Errorf("%s: who goes is answered by %+v, %v after %v", name, answer, err, time.Since(began))
			}
		})
	}
}
