package faults_test

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// restartFaults are those of a server on its way down or up.
func restartFaults() []fault {
	return []fault{
		{
			name:      "primary dies between a commit and its acknowledgement",
			with:      func(l *layout) { l.links = true },
			hit:       (*scene).killDuringWrite,
			publishes: "up 0, primaries 0, primary down (connect), replica disconnected",
			heal:      func(s *scene) { s.links[toPrimary].mend(); startPrimary(s) },
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "primary shutting down",
			hit:       (*scene).beginShutdown,
			publishes: "up 0, primaries 0, primary down (shutting_down), replica up",
			heal:      func(s *scene) { s.undo(); startPrimary(s) },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "replica starting up",
			hit:       (*scene).beginStart,
			publishes: "up 1, primaries 1, primary up, replica unreachable (starting_up)",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryReplicaUnreachable",
		},
	}
}

// killDuringWrite lets a write through to the primary but not its answer, and
// kills the primary as soon as the commit is there.
func (s *scene) killDuringWrite() {
	capacity := func() (n int64, err error) {
		err = s.primary.QueryRow(s.t.Context(), "SELECT capacity FROM canary.section WHERE name = 'default'", &n)
		return n, err
	}
	before, err := capacity()
	must(s.t, err)
	s.links[toPrimary].dropAnswers()
	killed := make(chan error)
	go func() {
		// A beat of the pulse may have been committed already, and wait for its answer.
		now, err, begun := before, error(nil), time.Now()
		waits := func() bool { return s.config.probe.Pulse == 0 || time.Since(begun) < 2*time.Second }
		for ; err == nil && now == before && waits(); time.Sleep(10 * time.Millisecond) {
			now, err = capacity()
		}
		killed <- errors.Join(err, s.primary.Kill())
	}()
	m := s.scrape()
	s.keep(m)
	m.samples.want(s.t, "pg_canary_up", 0)
	must(s.t, <-killed)
	s.receiverGone(s.replica)
}

// beginShutdown tells the primary to stop once all sessions have ended, and
// keeps one open: it takes no new ones meanwhile.
func (s *scene) beginShutdown() {
	s.disconnectExporter(s.primary)
	open, err := pgx.Connect(s.t.Context(), s.primary.SuperDSN())
	must(s.t, err)
	const smart = pgcluster.StopMode(syscall.SIGTERM)
	stopped := make(chan error)
	go func() { stopped <- s.primary.Stop(s.t.Context(), smart) }()
	s.turnsAway(s.primary)
	// With a pulse it may have been connected again before that.
	_, err = open.Exec(s.t.Context(), endExporterSessions)
	must(s.t, err)
	s.undo = func() {
		must(s.t, open.Close(s.t.Context()))
		must(s.t, <-stopped)
	}
}

// beginStart restarts the replica in a way that keeps it from taking sessions.
func (s *scene) beginStart() {
	setting := func(value string) {
		must(s.t, s.replica.SetConfig(s.t.Context(), map[string]string{"hot_standby": value}))
	}
	must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
	setting("off")
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error)
	go func() { ended <- s.replica.Start(ctx) }()
	s.turnsAway(s.replica)
	s.undo = func() {
		cancel()
		if err := <-ended; err == nil {
			s.t.Error("the replica took sessions")
		}
		setting("on")
		must(s.t, s.replica.Start(s.t.Context()))
	}
}

// turnsAway waits until a server answers new sessions with cannot_connect_now.
func (s *scene) turnsAway(server *pgcluster.Server) {
	s.t.Helper()
	waitFor(s.t, server.Name+" turns sessions away", func() bool {
		var pgErr *pgconn.PgError
		err := server.Exec(s.t.Context(), "SELECT")
		return errors.As(err, &pgErr) && pgErr.Code == "57P03"
	})
}
