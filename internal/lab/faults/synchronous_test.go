package faults_test

import (
	"context"
	"fmt"
	"time"
)

// waitsFor is the timeout of scrapes whose write waits for a standby: the write uses up
// half, and a new connection may take an eighth, on a busy machine too.
const waitsFor = 10 * time.Second

// synchronousFaults are those of a synchronous standby that is missing: with each
// synchronous_commit, and of several ways to name one or two standbys.
func synchronousFaults() []fault {
	var all []fault
	for _, commit := range []string{"off", "local", "remote_write", "on", "remote_apply"} {
		waits := commit != "off" && commit != "local"
		all = append(all, missingStandby("synchronous standby missing, synchronous_commit "+commit, commit, "nobody", waits))
	}
	for _, names := range []struct {
		setting string
		waits   bool
	}{
		{"FIRST 1 (nobody)", true},
		{"FIRST 1 (nobody, replica)", false},
		{"FIRST 2 (replica, nobody)", true},
		{"ANY 1 (nobody)", true},
		{"ANY 1 (nobody, replica)", false},
		{"ANY 2 (replica, nobody)", true},
	} {
		// As an application's commit: with the server's own setting.
		all = append(all, missingStandby("synchronous_standby_names "+names.setting+", one missing", "", names.setting, names.waits))
	}
	return append(all, fault{
		name: "failover to a synchronous standby that was cut off",
		hit: func(s *scene) {
			s.set(s.primary, "synchronous_standby_names", "replica")
			s.cutReceiver()
			s.setTimeout(waitsFor)
			for range 2 {
				m := s.scrape()
				s.keep(m)
				m.samples.want(s.t, "pg_canary_up", 0)
			}
			must(s.t, s.replica.SetConfig(s.t.Context(), map[string]string{"synchronous_standby_names": ""}))
			failOver(s)
		},
		publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, primary_changes_total 1, lost_writes_total 0",
		heal: func(s *scene) {
			must(s.t, s.primary.SetConfig(s.t.Context(), map[string]string{"synchronous_standby_names": ""}))
			reclonePrimary(s)
		},
		healed: "up 1, primaries 1, primary synced, replica leads, lost_writes_total 0",
		alerts: "PgCanaryReplicaUnreachable",
	})
}

// missingStandby is a row of a standby that commits may wait for.
func missingStandby(name, commit, names string, mustWait bool) fault {
	f := fault{
		name: name,
		with: func(l *layout) {
			l.node.SynchronousCommit = commit
			l.settings = map[string]string{"wal_writer_delay": "10ms"}
		},
		hit:       func(s *scene) { s.set(s.primary, "synchronous_standby_names", names) },
		publishes: "up 1, primaries 1, primary up, replica synced",
		heal:      func(s *scene) { s.set(s.primary, "synchronous_standby_names", "") },
	}
	if mustWait {
		f.hit = func(s *scene) { s.missStandby(names) }
		f.timeout = waitsFor
		f.publishes = "up 0, primaries 1, primary up (sync_wait), replica up"
		f.check = func(s *scene, _ samples) { s.freesTheRow() }
		f.alerts = "PgCanaryCommitsWait"
	} else if commit != "" { // It is seen by others' commits that the server has taken the setting.
		f.hit = func(s *scene) { s.missStandby(names) }
	}
	return f
}

// freesTheRow fails when a write that was given up still holds the row a second later,
// unless beats follow one another.
func (s *scene) freesTheRow() {
	s.t.Helper()
	if s.config.probe.Pulse > 0 {
		return // The next beat waits for it already.
	}
	began := time.Now()
	waitFor(s.t, "nobody waits for a standby", func() bool {
		var waiting int
		must(s.t, s.primary.QueryRow(s.t.Context(), fmt.Sprintf(
			"SELECT count(*) FROM pg_stat_activity WHERE usename = '%s' AND wait_event = 'SyncRep'", canaryRole), &waiting))
		return waiting == 0
	})
	s.t.Logf("the row was free %v after the scrape", time.Since(began))
}

// missStandby has commits wait for a standby that is not there. A new session
// knows the setting before the checkpointer has told all others to wait.
func (s *scene) missStandby(names string) {
	s.set(s.primary, "synchronous_standby_names", names)
	waitFor(s.t, "commits wait", func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
		defer cancel()
		return s.primary.Exec(ctx, "SELECT pg_logical_emit_message(true, '', '')") != nil
	})
}
