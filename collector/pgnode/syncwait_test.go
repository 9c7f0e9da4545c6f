package pgnode

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// stageWithoutStandby is a server whose commits wait for a standby that is not there.
func stageWithoutStandby(t *testing.T) *database {
	t.Helper()
	s := newStage(t)
	d := s.database(t)
	must(t, d.setup())
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"} {
		must(t, s.server.Exec(t.Context(), sql))
	}
	return d
}

// waiting counts the backends of the role that wait for a standby.
func (d *database) waiting() string {
	return d.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = '" + d.role + "' AND wait_event = 'SyncRep'")
}

func (d *database) until(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) { // It only guards against hanging.
			d.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (d *database) patientNode() *Node {
	d.t.Helper()
	node, err := New(d.server.DSN(d.role, rolePassword, d.name),
		Options{Section: DefaultSection, Cluster: DefaultCluster, StatementTimeout: time.Minute})
	must(d.t, err)
	d.t.Cleanup(func() { must(d.t, node.Close(context.WithoutCancel(d.t.Context()))) })
	return node
}

// write writes until the server has taken the setting, and returns the first error.
func (d *database) write(node *Node, timeout time.Duration) error {
	for range 1000 {
		ctx, cancel := context.WithTimeout(d.t.Context(), timeout)
		_, err := node.Write(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	d.t.Fatal("no write waits for a standby")
	return nil
}

// TestWriteThatWaitsForAStandby is given up with the reason, frees the row, and
// keeps nobody from writing it next.
func TestWriteThatWaitsForAStandby(t *testing.T) {
	for name, pooled := range map[string]bool{"direct": false, "as through a pooler": true} {
		t.Run(name, func(t *testing.T) {
			d := stageWithoutStandby(t)
			node := d.patientNode()
			node.pooled.Store(pooled)
			for range 2 {
				if err := d.write(node, 4*time.Second); probe.ReasonOf(err) != probe.ReasonSyncWait {
					t.Fatalf("%v (%s), want sync_wait", err, probe.ReasonOf(err))
				}
				d.until("nobody waits for a standby", func() bool { return d.waiting() == "0" })
			}
			must(t, d.server.Exec(t.Context(), "ALTER SYSTEM RESET synchronous_standby_names"))
			must(t, d.server.Exec(t.Context(), "SELECT pg_reload_conf()"))
			d.until("it is written", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				_, err := node.Write(ctx)
				return err == nil
			})
		})
	}
}

// TestWaitThatSomebodyCancels: the server says success and warns that no standby confirmed it.
func TestWaitThatSomebodyCancels(t *testing.T) {
	d := stageWithoutStandby(t)
	node := d.patientNode()
	ended := make(chan error, 1)
	go func() { ended <- d.write(node, time.Minute) }()
	d.until("the write waits", func() bool { return d.waiting() == "1" })
	d.exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	if err := <-ended; probe.ReasonOf(err) != probe.ReasonSyncWait {
		t.Errorf("%v (%s), want sync_wait", err, probe.ReasonOf(err))
	}
}

// TestWriteBehindOneThatWaits is of a second exporter on the same section: the lock that it
// meets is that of a commit which waits for a standby, and so it waits for that too.
func TestWriteBehindOneThatWaits(t *testing.T) {
	d := stageWithoutStandby(t)
	first, second := d.patientNode(), d.patientNode()
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_, _ = first.Write(ctx)
		}
	}()
	d.until("the first one waits", func() bool { return d.waiting() == "1" })
	bounded, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := second.Write(bounded); probe.ReasonOf(err) != probe.ReasonSyncWait {
		t.Errorf("%v (%s), want sync_wait", err, probe.ReasonOf(err))
	}
	giveUp()
	<-ended
}
