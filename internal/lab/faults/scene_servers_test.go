package faults_test

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// exec runs SQL as superuser.
func (s *scene) exec(server *pgcluster.Server, sql string) {
	s.t.Helper()
	must(s.t, server.Exec(s.t.Context(), sql))
}

// until waits until a query's answer on a server is true.
func (s *scene) until(server *pgcluster.Server, what, condition string) {
	s.t.Helper()
	waitFor(s.t, what, func() bool {
		var holds bool
		must(s.t, server.QueryRow(s.t.Context(), "SELECT coalesce(("+condition+"), false)", &holds))
		return holds
	})
}

// endExporterSessions ends the exporter's sessions on a server.
const endExporterSessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + canaryRole + "'"

// disconnectExporter ends the exporter's sessions on a server and waits until they are gone. With a pulse there may
// be new ones by then.
func (s *scene) disconnectExporter(server *pgcluster.Server) {
	s.t.Helper()
	var before string
	must(s.t, server.QueryRow(s.t.Context(), "SELECT clock_timestamp()::text", &before))
	s.exec(server, endExporterSessions)
	s.until(server, "the exporter's sessions are gone",
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '"+canaryRole+"' AND backend_start < '"+before+"'")
}

// receiverGone waits until a replica itself knows that it receives no WAL.
func (s *scene) receiverGone(server *pgcluster.Server) {
	s.t.Helper()
	s.until(server, "the receiver is gone", "SELECT count(*) = 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'")
}

// set changes settings and waits until the server has taken them.
func (s *scene) set(server *pgcluster.Server, name, value string) {
	s.t.Helper()
	must(s.t, server.SetConfig(s.t.Context(), map[string]string{name: value}))
	s.until(server, name+" is in force", "SELECT setting = '"+value+"' OR current_setting(name) = '"+value+"' FROM pg_settings WHERE name = '"+name+"'")
}

// addOlder adds a replica that the exporter does not know, pauses its replay, and lets the
// others go on.
func (s *scene) addOlder() { s.addOlderOf(nil) }

func (s *scene) addOlderOf(upstream *pgcluster.Server) {
	s.t.Helper()
	older, err := s.servers.AddReplica(s.t.Context(), pgcluster.ReplicaOptions{Name: "older", Upstream: upstream})
	must(s.t, err)
	s.older, s.pausedAt = older, time.Now()
	s.exec(older, "SELECT pg_wal_replay_pause()")
	s.until(older, "the replay is paused", "SELECT pg_is_wal_replay_paused()")
	for range 3 {
		s.steady(s.healthy)
	}
}
