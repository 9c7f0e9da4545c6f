package faults_test

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// hangs is the timeout of scrapes that use it up because a server does not answer.
const hangs = 4 * time.Second

func killPrimary(s *scene) {
	must(s.t, s.primary.Kill())
	s.receiverGone(s.replica)
}

func startPrimary(s *scene) { must(s.t, s.primary.Start(s.t.Context())) }

// primaryFaults are those of a primary that is gone, slow, or takes no writes.
func primaryFaults() []fault {
	return []fault{
		{
			name:      "primary killed",
			hit:       killPrimary,
			publishes: "up 0, primaries 0, primary down (connect), replica disconnected",
			heal:      startPrimary,
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "primary stopped",
			hit: func(s *scene) {
				must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
				s.receiverGone(s.replica)
			},
			publishes: "up 0, primaries 0, primary down (connect), replica disconnected",
			heal:      startPrimary,
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "primary frozen",
			hit:       func(s *scene) { must(s.t, s.primary.Freeze()) },
			timeout:   hangs,
			publishes: "up 0, primaries 0, primary down (timeout), replica up",
			heal:      func(s *scene) { must(s.t, s.primary.Thaw()) },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "primary partitioned from all",
			with: func(l *layout) {
				l.links, l.settings = true, map[string]string{"wal_receiver_timeout": "3s"}
			},
			hit:       func(s *scene) { s.links[toPrimary].drop(); s.links[replication].drop() },
			timeout:   hangs,
			publishes: "up 0, primaries 0, primary down (timeout), replica up",
			then:      "up 0, primaries 0, primary down (timeout), replica disconnected",
			because:   "then after the replica's `wal_receiver_timeout`",
			heal:      func(s *scene) { s.links[toPrimary].mend(); s.links[replication].mend() },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "primary slow by 300 ms",
			with:      func(l *layout) { l.links = true },
			hit:       func(s *scene) { s.links[toPrimary].slow(300 * time.Millisecond) },
			publishes: "up 1, primaries 1, primary up, replica synced",
			check: func(s *scene, m samples) {
				if took := m["pg_canary_write_duration_seconds"]; took < 0.3 {
					s.t.Errorf("a write through a link that is slow by 300 ms took %v s", took)
				}
			},
			heal: func(s *scene) { s.links[toPrimary].mend() },
		},
		{
			name:      "primary in read-only mode",
			hit:       func(s *scene) { s.set(s.primary, "default_transaction_read_only", "on") },
			publishes: "up 0, primaries 1, primary up (read_only), replica up",
			heal:      func(s *scene) { s.set(s.primary, "default_transaction_read_only", "off") },
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		{
			name:      "primary's disk full",
			hit:       func(s *scene) { s.fillDisk() },
			publishes: "up 0, primaries 1, primary up (disk_full), replica up or replaying",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		{
			name:      "primary demoted, and no other promoted",
			hit:       (*scene).demote,
			publishes: "up 0, primaries 0, primary follows (read_only), replica follows",
			heal:      func(s *scene) { must(s.t, s.primary.Promote(s.t.Context())) },
			healed:    "up 1, primaries 1, primary leads, replica synced, primary_timeline 2, lost_writes_total 0",
			alerts:    "PgCanaryNoPrimary",
		},
	}
}

// demote restarts the primary as a replica of its own replica.
func (s *scene) demote() {
	must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
	must(s.t, s.primary.Follow(s.t.Context(), s.replica, ""))
	must(s.t, s.primary.Start(s.t.Context()))
	s.until(s.replica, "the replica streams", "SELECT status = 'streaming' FROM pg_stat_wal_receiver")
}

// fillDisk makes the server answer the write as it does when it has no room for a
// row. The update of one row finds room on its page as long as the server itself
// has room for WAL, and a full disk that takes no rights on the machine to make
// cannot be had for the rest. A session that is open looks at the table no more.
func (s *scene) fillDisk() {
	s.t.Helper()
	s.exec(s.primary, `
CREATE FUNCTION canary.full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER fault BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION canary.full()`)
	must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
	s.undo = func() { s.exec(s.primary, "DROP TRIGGER fault ON canary.section") }
}
