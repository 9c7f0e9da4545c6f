package faults_test

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

func startReplica(s *scene) { must(s.t, s.replica.Start(s.t.Context())) }

// replicaFaults are those of a replica that does not answer, or is not fed.
func replicaFaults() []fault {
	short := func(l *layout) {
		l.links, l.settings = true, map[string]string{"wal_receiver_timeout": "4s"}
	}
	return []fault{
		{
			name:      "replica killed",
			hit:       func(s *scene) { must(s.t, s.replica.Kill()) },
			publishes: "up 1, primaries 1, primary up, replica unreachable (connect)",
			heal:      startReplica,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica stopped",
			hit:       func(s *scene) { must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast)) },
			publishes: "up 1, primaries 1, primary up, replica unreachable (connect)",
			heal:      startReplica,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica frozen",
			hit:       func(s *scene) { must(s.t, s.replica.Freeze()) },
			timeout:   hangs,
			publishes: "up 1, primaries 1, primary up, replica unreachable (timeout)",
			heal:      func(s *scene) { must(s.t, s.replica.Thaw()) },
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica partitioned from the exporter",
			with:      short,
			hit:       func(s *scene) { s.links[toReplica].drop() },
			timeout:   hangs,
			publishes: "up 1, primaries 1, primary up, replica unreachable (timeout)",
			heal:      func(s *scene) { s.links[toReplica].mend() },
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica partitioned from the primary",
			with:      short,
			hit:       func(s *scene) { s.links[replication].drop() },
			publishes: "up 1, primaries 1, primary up, replica receiving",
			then:      "up 1, primaries 1, primary up, replica disconnected",
			because:   "then after the replica's `wal_receiver_timeout`",
			heal:      func(s *scene) { s.links[replication].mend() },
			alerts:    "PgCanaryReplicaDisconnected",
		},
		{
			name:      "replica partitioned from both",
			with:      short,
			hit:       func(s *scene) { s.links[toReplica].drop(); s.links[replication].drop() },
			timeout:   hangs,
			publishes: "up 1, primaries 1, primary up, replica unreachable (timeout)",
			heal:      func(s *scene) { s.links[toReplica].mend(); s.links[replication].mend() },
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name: "replication slow by 300 ms",
			with: func(l *layout) {
				l.links = true
				l.probe.SyncedWithin = 100 * time.Millisecond
			},
			hit:       func(s *scene) { s.links[replication].slow(300 * time.Millisecond) },
			publishes: "up 1, primaries 1, primary up, replica receiving or replaying",
			heal:      func(s *scene) { s.links[replication].mend() },
			alerts:    "PgCanaryFreshnessBudgetBurn",
		},
	}
}

// replicationFaults are those in which a replica answers and falls behind.
func replicationFaults() []fault {
	return []fault{
		{
			name:      "replay paused",
			hit:       func(s *scene) { s.pause() },
			publishes: "up 1, primaries 1, primary up, replica paused",
			heal:      func(s *scene) { s.exec(s.replica, "SELECT pg_wal_replay_resume()") },
			alerts:    "PgCanaryReplicaPaused",
		},
		{
			name: "delayed standby",
			hit: func(s *scene) {
				must(s.t, s.replica.SetConfig(s.t.Context(), map[string]string{"recovery_min_apply_delay": "1h"}))
				waitFor(s.t, "the replay is delayed", func() bool {
					s.exec(s.primary, "SELECT txid_current()")
					var event string
					must(s.t, s.replica.QueryRow(s.t.Context(),
						"SELECT coalesce(wait_event, '') FROM pg_stat_activity WHERE backend_type = 'startup'", &event))
					return event == "RecoveryApplyDelay"
				})
			},
			publishes: "up 1, primaries 1, primary up, replica delayed",
			check:     func(s *scene, m samples) { m.want(s.t, "pg_canary_replica_apply_delay_seconds", 3600) },
			heal: func(s *scene) {
				must(s.t, s.replica.SetConfig(s.t.Context(), map[string]string{"recovery_min_apply_delay": "0"}))
			},
		},
		{
			name:      "WAL receiver cut while idle",
			hit:       (*scene).cutReceiver,
			publishes: "up 1, primaries 1, primary up, replica disconnected",
			heal:      func(s *scene) { must(s.t, s.primary.SetHBA(s.t.Context())) },
			alerts:    "PgCanaryReplicaDisconnected",
		},
		{
			name: "WAL receiver cut while writing",
			hit: func(s *scene) {
				s.load()
				s.cutReceiver()
			},
			publishes: "up 1, primaries 1, primary up, replica disconnected",
			check: func(s *scene, _ samples) {
				waitFor(s.t, "the lag shows the load", func() bool {
					m := s.scrape()
					s.keep(m)
					return m.samples["pg_canary_lag_bytes"] > 1<<20
				})
			},
			heal: func(s *scene) {
				s.undo()
				must(s.t, s.primary.SetHBA(s.t.Context()))
			},
			alerts: "PgCanaryReplicaDisconnected",
		},
		{
			name: "replication slot invalidated",
			with: func(l *layout) {
				l.settings = map[string]string{"wal_keep_size": "0", "wal_retrieve_retry_interval": "2s"}
			},
			hit:       (*scene).invalidateSlot,
			publishes: "up 1, primaries 1, primary up, replica disconnected",
			heal: func(s *scene) {
				s.set(s.primary, "max_slot_wal_keep_size", "-1")
				must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
				must(s.t, s.servers.Reclone(s.t.Context(), s.replica, s.primary))
			},
			alerts: "PgCanaryReplicaDisconnected",
		},
		{
			name:      "replay hangs",
			hit:       (*scene).freezeReplay,
			publishes: "up 1, primaries 1, primary up, replica replaying",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryReplicaLagging",
		},
		{
			name: "replay in conflict with a long query",
			with: func(l *layout) {
				l.replica.Settings = map[string]string{"max_standby_streaming_delay": "-1"}
			},
			hit:       (*scene).conflict,
			publishes: "up 1, primaries 1, primary up, replica blocked",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryReplicaLagging",
		},
		{
			name: "reads cancelled by the replay, and the replay paused",
			hit: func(s *scene) {
				s.exec(s.primary, conflictSQL)
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
				s.pause()
			},
			publishes: "up 1, primaries 1, primary up, replica paused (conflict)",
			check: func(s *scene, m samples) {
				for _, name := range []string{"pg_canary_synced", "pg_canary_lag_seconds", "pg_canary_lag_bytes"} {
					m.absent(s.t, name)
				}
				if seen, before := m["pg_canary_visibility_delay_seconds"], s.before["pg_canary_visibility_delay_seconds"]; seen != before {
					s.t.Errorf("%v canaries were seen that no read showed", seen-before)
				}
			},
			heal: func(s *scene) {
				s.exec(s.replica, "SELECT pg_wal_replay_resume()")
				s.exec(s.primary, noConflictSQL)
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			alerts: "PgCanaryReplicaPaused",
		},
	}
}

// conflictSQL puts a view in the table's place that cancels every read on a replica as the
// replay does when it needs what the read holds. A real conflict hits a read of a
// fraction of a millisecond only by chance. A session that is open looks at the table no more.
const conflictSQL = `
ALTER TABLE canary.section RENAME TO real;
CREATE FUNCTION canary.conflict() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
    IF pg_catalog.pg_is_in_recovery() THEN
        RAISE 'canceling statement due to conflict with recovery' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END $$;
CREATE VIEW canary.section AS SELECT * FROM canary.real WHERE canary.conflict();
GRANT SELECT, UPDATE ON canary.section TO ` + canaryRole

const noConflictSQL = `
DROP VIEW canary.section;
DROP FUNCTION canary.conflict();
ALTER TABLE canary.real RENAME TO section`

// freezeReplay stops the one process of the replica that applies WAL.
func (s *scene) freezeReplay() {
	var pid int
	must(s.t, s.replica.QueryRow(s.t.Context(), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'", &pid))
	must(s.t, syscall.Kill(pid, syscall.SIGSTOP))
	s.undo = func() { must(s.t, syscall.Kill(pid, syscall.SIGCONT)) }
}

// cutReceiver ends the replication and keeps it from coming back.
func (s *scene) cutReceiver() {
	must(s.t, s.primary.SetHBA(s.t.Context(), "host replication all all reject"))
	s.exec(s.primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
	s.receiverGone(s.replica)
}

// load writes to the primary until undo is called.
func (s *scene) load() {
	s.exec(s.primary, "CREATE TABLE load AS SELECT 1 AS n, repeat('x', 1000) AS filler")
	ctx, cancel := context.WithCancel(s.t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			_ = s.primary.Exec(ctx, "INSERT INTO load SELECT n, repeat('x', 1000) FROM generate_series(1, 200) n")
		}
	})
	s.undo = func() {
		cancel()
		writer.Wait()
	}
}

// invalidateSlot lets the primary throw away WAL that the replica needs.
func (s *scene) invalidateSlot() {
	s.cutReceiver()
	s.set(s.primary, "max_slot_wal_keep_size", "1MB")
	s.exec(s.primary, "CREATE TABLE filler AS SELECT 1")
	for range 3 {
		s.exec(s.primary, "INSERT INTO filler SELECT 1")
		s.exec(s.primary, "SELECT pg_switch_wal()")
	}
	s.exec(s.primary, "CHECKPOINT")
	s.until(s.primary, "the slot is invalidated", "SELECT wal_status = 'lost' FROM pg_replication_slots")
	must(s.t, s.primary.SetHBA(s.t.Context()))
}

// conflict holds a snapshot on the replica, and removes on the primary what it sees.
func (s *scene) conflict() {
	s.exec(s.primary, "CREATE TABLE rows AS SELECT generate_series(1, 100) AS n")
	must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
	conn, err := pgx.Connect(s.t.Context(), s.replica.SuperDSN())
	must(s.t, err)
	tx, err := conn.BeginTx(s.t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	must(s.t, err)
	_, err = tx.Exec(s.t.Context(), "SELECT count(*) FROM rows")
	must(s.t, err)
	s.undo = func() {
		must(s.t, tx.Rollback(s.t.Context()))
		must(s.t, conn.Close(s.t.Context()))
	}
	s.exec(s.primary, "DELETE FROM rows")
	s.exec(s.primary, "VACUUM rows")
	s.until(s.replica, "the replay waits", "SELECT wait_event LIKE 'RecoveryConflict%' FROM pg_stat_activity WHERE backend_type = 'startup'")
}
