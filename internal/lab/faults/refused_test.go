package faults_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// refusedFaults are those of a connection that is refused, by what it asks for or brings.
func refusedFaults() []fault {
	preferred := func(l *layout) {
		l.links = true
		l.more = func(_ *scene, c *pairConfig) {
			c.replicaDSN = strings.Replace(c.replicaDSN, "sslmode=disable", "sslmode=prefer&connect_timeout=1", 1)
		}
	}
	back := func(s *scene) { s.links[toReplica].lead(s.replica.Addr()) }
	return []fault{
		{
			name: "no line for the exporter in the primary's pg_hba.conf",
			hit: func(s *scene) {
				path := filepath.Join(s.primary.DataDir, "pg_hba.conf")
				must(s.t, os.WriteFile(path, []byte("host all,replication postgres,pgcluster_replicator 127.0.0.1/32 scram-sha-256\n"), 0o600))
				s.reload(s.primary)
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (auth), replica up",
			heal:      func(s *scene) { must(s.t, s.primary.SetHBA(s.t.Context())) },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "connection reset after TLS was refused, with sslmode=prefer",
			with:      preferred,
			hit:       func(s *scene) { s.links[toReplica].lead(listen(s.t, refuseTLS(resetAtOnce))) },
			publishes: "up 1, primaries 1, primary up, replica unreachable (connect)",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "silence after TLS was refused, with sslmode=prefer",
			with:      preferred,
			hit:       func(s *scene) { s.links[toReplica].lead(listen(s.t, refuseTLS(saysNothing))) },
			timeout:   hangs,
			within:    10,
			because:   "when the attempt to connect is given up",
			publishes: "up 1, primaries 1, primary up, replica unreachable (timeout)",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name: "exporter's database dropped",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					s.makeDatabase()
					c.primaryDSN, c.replicaDSN = ofApp(through(s.primary, s.primary.Addr())), ofApp(through(s.replica, s.replica.Addr()))
				}
			},
			hit: func(s *scene) {
				s.exec(s.primary, "DROP DATABASE app WITH (FORCE)")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 0, primaries 0, primary down (missing_table), replica unreachable (missing_table)",
			heal:      (*scene).makeDatabase,
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "exporter's passfile gone",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					path := filepath.Join(s.t.TempDir(), "passfile")
					s.undo = func() {
						must(s.t, os.WriteFile(path, fmt.Appendf(nil, "*:*:*:%s:%s\n", canaryRole, canaryPassword), 0o600))
					}
					s.undo()
					c.primaryDSN = fmt.Sprintf("host=%s port=%d user=%s dbname=postgres sslmode=disable passfile=%s", s.primary.Host, s.primary.Port, canaryRole, path)
					s.passfile = path
				}
			},
			hit: func(s *scene) {
				must(s.t, os.Remove(s.passfile))
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (auth), replica up",
			check: func(s *scene, _ samples) {
				if want := "the passfile " + s.passfile + " does not exist"; !strings.Contains(s.log.String(), want) {
					s.t.Errorf("the log does not say %q:\n%s", want, s.log)
				}
			},
			heal:   func(s *scene) { s.undo() },
			alerts: "PgCanaryNoPrimary",
		},
	}
}

// ofApp leads a connection string to the database that makeDatabase makes.
func ofApp(dsn string) string { return strings.Replace(dsn, "/postgres?", "/app?", 1) }

// makeDatabase makes, or makes again, a database with what the exporter needs.
func (s *scene) makeDatabase() {
	s.t.Helper()
	s.exec(s.primary, "CREATE DATABASE app")
	must(s.t, pgnode.Setup{Role: canaryRole, Password: canaryPassword}.Run(s.t.Context(), ofApp(s.primary.SuperDSN())))
	must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
}

// reload makes a server read its configuration again, and waits until it has.
func (s *scene) reload(server *pgcluster.Server) {
	s.t.Helper()
	var before string
	must(s.t, server.QueryRow(s.t.Context(), "SELECT pg_conf_load_time()::text", &before))
	must(s.t, server.Reload())
	s.until(server, "the configuration is read", "SELECT pg_conf_load_time()::text <> '"+before+"'")
}

// refuseTLS refuses the encryption that a client asks for, and meets one that begins
// without it in another way.
func refuseTLS(then func(*net.TCPConn) error) func(net.Conn) error {
	return func(conn net.Conn) error {
		request, err := readMessage(conn, true)
		if err != nil {
			return err
		}
		if len(request) > 8 { // A startup message, which is longer than the request for TLS.
			return then(conn.(*net.TCPConn))
		}
		_, err = io.WriteString(conn, "N")
		return err
	}
}

func resetAtOnce(conn *net.TCPConn) error { return conn.SetLinger(0) }

// saysNothing hears the other side out.
func saysNothing(conn *net.TCPConn) error {
	_, err := io.Copy(io.Discard, conn)
	return err
}
