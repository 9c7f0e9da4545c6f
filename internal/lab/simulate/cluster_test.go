//go:build unix

package simulate

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRow(t *testing.T) {
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	r := row{cluster: "c", born: 7}
	for i, step := range []struct {
		started time.Time
		mark    int64
		eras    []int64
	}{
		{first, 11, []int64{11, 0}},
		{first, 12, []int64{11, 0}},
		{second, 13, []int64{11, 0, 13, 2}},
	} {
		before := append([]int64(nil), r.eras...)
		next := r.advance(step.started, step.mark)
		if next.capacity != int64(i+1) || next.mark != step.mark || next.timeline != timeline || next.born != 7 || !equal(next.eras, step.eras) {
			t.Errorf("beat %d leaves %+v, and its eras are to be %v", i+1, next, step.eras)
		}
		if !equal(before, r.eras) {
			t.Errorf("beat %d changed the eras of the row before", i+1)
		}
		r = next
	}
	for i := range mostEras {
		r = r.advance(time.Unix(int64(10+i), 0), int64(100+i))
	}
	if len(r.eras) != mostEras || r.eras[0] != 116 {
		t.Errorf("%d numbers of eras are kept, from %d on", len(r.eras), r.eras[0])
	}
}

func equal(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestVisible: a replica shows a commit after its delay, never less than before, and what nobody will show
// any more is forgotten.
func TestVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster("c")
		primary, near, far := &Server{cluster: c}, &Server{cluster: c, inRecovery: true}, &Server{cluster: c, inRecovery: true}
		c.servers = []*Server{primary, near, far}
		near.SetReplay(time.Second)
		far.SetReplay(time.Minute)
		beat := func() { c.advance(1, "c") }
		shows := func(what string, wantNear, wantFar int64) {
			t.Helper()
			if got := c.visible(near).row.capacity; got != wantNear {
				t.Errorf("%s: the near one shows %d, not %d", what, got, wantNear)
			}
			if got := c.visible(far).row.capacity; got != wantFar {
				t.Errorf("%s: the far one shows %d, not %d", what, got, wantFar)
			}
		}
		shows("at first", 0, 0)
		beat()
		time.Sleep(999 * time.Millisecond)
		shows("before the delay", 0, 0)
		time.Sleep(time.Millisecond)
		shows("after it", 1, 0)
		near.SetReplay(time.Hour)
		beat()
		time.Sleep(time.Minute)
		shows("with a longer delay", 1, 2)
		near.SetReplay(0)
		shows("without one", 2, 2)
		beat()
		beat()
		time.Sleep(time.Minute)
		beat()
		if len(c.commits) != 2 || c.visible(primary).row.capacity != 5 || c.visible(primary).lsn <= c.visible(far).lsn {
			t.Errorf("%d commits are kept", len(c.commits))
		}
		if _, ok := c.advance(1, "another"); ok || c.visible(primary).row.capacity != 5 {
			t.Error("an exporter of another cluster wrote the section")
		}
	})
}

// TestReached: a cluster tells when its servers first had a value, of the last ones.
func TestReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster("c")
		primary, replica := &Server{cluster: c}, &Server{cluster: c, inRecovery: true}
		c.servers = []*Server{primary, replica}
		replica.SetReplay(time.Second)
		c.Begin(1000)
		began := time.Now()
		for range 3 {
			c.advance(1, "c")
			time.Sleep(time.Minute)
		}
		c.visible(replica)
		for value, want := range map[int64][2]time.Duration{1001: {0, time.Minute}, 1002: {time.Minute, 2 * time.Minute}, 1003: {2 * time.Minute, 3 * time.Minute}} {
			for i, server := range c.servers {
				if at, ok := server.Reached(value); !ok || at.Sub(began) != want[i] {
					t.Errorf("server %d reached %d after %v, %v", i, value, at.Sub(began), ok)
				}
			}
		}
		for _, value := range []int64{0, 1000, 1004} {
			if at, ok := replica.Reached(value); ok {
				t.Errorf("%d is reached %v", value, at)
			}
		}
		for range remembered {
			c.advance(1, "c")
		}
		if _, ok := primary.Reached(1003); ok || primary.Newest() != 1003+remembered {
			t.Errorf("the newest is %d, and one of long ago is remembered: %v", primary.Newest(), ok)
		}
		if _, ok := primary.Reached(1004); !ok {
			t.Error("the oldest of the last ones is forgotten")
		}
	})
}
