package pgnode

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestKeeperRests: what nobody asks for any more has no connection, and does nothing, until somebody asks
// again.
func TestKeeperRests(t *testing.T) {
	t.Parallel()
	const rest = 10 * time.Minute
	cut := func(t *testing.T, s *randomServer) { must(t, s.last.far.Close()) }
	for _, test := range []struct {
		situation string
		broken    int // connections that end without a good-bye
		happens   func(t *testing.T, k *keeper, server *randomServer)
	}{
		{"an idle connection", 0, func(*testing.T, *keeper, *randomServer) {}},
		{"one that is being made", 0, func(_ *testing.T, k *keeper, _ *randomServer) { expire(k, rest-time.Millisecond) }},
		{"one to be renewed", 0, func(_ *testing.T, k *keeper, _ *randomServer) { expire(k, rest-time.Minute) }},
		{"a renewal that fails", 0, func(_ *testing.T, k *keeper, s *randomServer) { s.set(refusing); expire(k, time.Minute) }},
		{"a renewal that hangs", 0, func(_ *testing.T, k *keeper, s *randomServer) { s.set(silent); expire(k, rest-time.Second) }},
		{"one that breaks", 1, func(t *testing.T, _ *keeper, s *randomServer) { cut(t, s) }},
		{"one that breaks when the next is there", 1, func(t *testing.T, k *keeper, s *randomServer) {
			link := s.last
			used, err := k.borrow(t.Context())
			must(t, err)
			expire(k, 0)
			time.Sleep(time.Second)
			synctest.Wait()
			must(t, link.far.Close())
			k.release(used, true, nil)
		}},
		{"servers that are gone", 1, func(t *testing.T, _ *keeper, s *randomServer) { s.set(refusing); cut(t, s) }},
		{"servers that say nothing", 1, func(t *testing.T, _ *keeper, s *randomServer) { s.set(silent); cut(t, s) }},
	} {
		t.Run(test.situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newRandomServer(t, 1)
				begun, made := 0, 0
				k := newKeeper(&keeper{
					open: func(ctx context.Context) (*session, []<-chan struct{}, error) {
						begun++
						s, givenUp, err := server.openSession(ctx)
						if err == nil {
							made++
						}
						return s, givenUp, err
					},
					elsewhere: func(context.Context, *session) bool { return false }, rest: rest, lifetime: time.Hour, dials: NewDials(1, 100),
				})
				must(t, probeHere(server, k, false))
				test.happens(t, k, server)
				time.Sleep(rest + connectTimeout + 2*time.Second)
				synctest.Wait()
				before := begun
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				if open, _ := server.connections(); open != 0 || begun != before || k.timer.Stop() || k.turn != nil {
					t.Errorf("at rest: %d connections, %d attempts, %+v", open, begun-before, k.condition())
				}
				if server.byes != made-test.broken {
					t.Errorf("of %d connections %d ended with a good-bye", made, server.byes)
				}
				server.set(healthy)
				must(t, probeHere(server, k, false))
				if open, _ := server.connections(); open != 1 || k.unrenewed() != nil {
					t.Errorf("after the rest: %d connections, %v", open, k.unrenewed())
				}
				must(t, k.close(t.Context()))
			})
		})
	}
}

// expire has the session of a keeper expire after a while.
func expire(k *keeper, after time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.session.expires = time.Now().Add(after)
	k.scheduleLocked()
}

// TestKeeperIsWoken: it does not rest while it is asked now and then, nor in the middle of what it was asked for.
func TestKeeperIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRandomServer(t, 1)
		k := newKeeper(&keeper{open: server.openSession, elsewhere: func(context.Context, *session) bool { return false }, rest: time.Minute})
		must(t, probeHere(server, k, false))
		for range 100 {
			time.Sleep(50 * time.Second)
			if k.current() == nil {
				t.Fatal("it rests")
			}
			must(t, probeHere(server, k, false))
		}
		_ = k.ready()
		s, err := k.borrow(t.Context())
		must(t, err)
		time.Sleep(2 * time.Minute)
		if k.current() != s {
			t.Error("it is used, and was ended")
		}
		k.release(s, true, nil)
		time.Sleep(2 * checkInterval)
		if k.current() != nil {
			t.Error("it was used, and is still there")
		}
		must(t, k.close(t.Context()))
	})
}
