//go:build unix

package pgcluster_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

func TestSetConfig(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t, pgcluster.Options{Settings: map[string]string{"application_name": `it's a \ "test"`}}).Primary()
	var got string
	must(t, s.QueryRow(soon(t), "SELECT reset_val FROM pg_settings WHERE name = 'max_wal_senders'", &got))
	if got != "20" {
		t.Errorf("max_wal_senders = %s", got)
	}
	must(t, s.QueryRow(soon(t), `SELECT setting FROM pg_file_settings WHERE name = 'application_name'`, &got))
	if got != `it's a \ "test"` {
		t.Errorf("application_name = %s", got)
	}

	// A connection made after SetConfig sees the new value, every time.
	for n := range 50 {
		want := fmt.Sprintf("%dkB", 1001+2*n) // odd, or SHOW would turn it into MB
		must(t, s.SetConfig(soon(t), map[string]string{"work_mem": want}))
		must(t, s.QueryRow(soon(t), "SHOW work_mem", &got))
		if got != want {
			t.Fatalf("work_mem is %s right after it was set to %s", got, want)
		}
	}

	must(t, s.SetConfig(soon(t), map[string]string{"max_connections": "55"}))
	must(t, s.Restart(soon(t)))
	must(t, s.QueryRow(soon(t), "SHOW max_connections", &got))
	if got != "55" {
		t.Errorf("max_connections is %s after a restart", got)
	}

	for name, value := range map[string]string{"port": "1", "work_mem": "1MB\nport = 1"} {
		if err := s.SetConfig(soon(t), map[string]string{name: value}); err == nil {
			t.Errorf("%s was set to %q", name, value)
		}
	}
	must(t, s.Restart(soon(t)))
	if _, err := pgcluster.New(soon(t), pgcluster.Options{Settings: map[string]string{"port": "1"}}); err == nil {
		t.Error("a cluster was given its port")
	}
}

func TestSetHBA(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t, pgcluster.Options{}).Primary()
	must(t, s.Exec(soon(t), "CREATE ROLE guest LOGIN"))
	guest := func() error {
		conn, err := pgx.Connect(soon(t), s.DSN("guest", "", "postgres"))
		if err == nil {
			err = conn.Close(soon(t))
		}
		return err
	}
	for range 10 {
		if err := guest(); err == nil {
			t.Fatal("a guest came in without a password")
		}
		must(t, s.SetHBA(soon(t), "host all guest 127.0.0.1/32 trust"))
		must(t, guest())
		must(t, s.SetHBA(soon(t), "host all guest 127.0.0.1/32 reject"))
		if err := guest(); err == nil || !strings.Contains(err.Error(), "reject") {
			t.Fatalf("the guest is not rejected: %v", err)
		}
		must(t, s.SetHBA(soon(t)))
	}
}

func TestDSN(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t, pgcluster.Options{}).Primary()
	const user, password, dbname = "we/ird @us:er", "p@ss/w:o?r#d%20 &'", "data/ba se?"
	must(t, s.Exec(soon(t), `CREATE ROLE "we/ird @us:er" LOGIN PASSWORD 'p@ss/w:o?r#d%20 &'''`))
	must(t, s.Exec(soon(t), `CREATE DATABASE "data/ba se?"`))
	conn, err := pgx.Connect(soon(t), s.DSN(user, password, dbname))
	must(t, err)
	defer conn.Close(soon(t))
	var who, where string
	must(t, conn.QueryRow(soon(t), "SELECT session_user, current_database()").Scan(&who, &where))
	if who != user || where != dbname {
		t.Errorf("connected as %q to %q", who, where)
	}
	if _, err := pgx.Connect(soon(t), s.DSN(user, "wrong", dbname)); err == nil {
		t.Error("any password is right")
	}
}

func TestNoConnectionStays(t *testing.T) {
	t.Parallel()
	_, primary, _ := newPair(t)
	for others := -1; others != 0; { // a backend ends some time after its client
		must(t, primary.QueryRow(soon(t), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()", &others))
	}
}

func TestNoPasswordInLogs(t *testing.T) {
	t.Parallel()
	cluster, primary, replica := newPair(t)
	must(t, replica.Follow(soon(t), primary, ""))
	must(t, replica.WaitStreaming(soon(t)))
	must(t, cluster.Primary().Reload())
	secret, err := os.ReadFile(strings.TrimSuffix(primary.DataDir, "primary/data") + "passfile")
	must(t, err)
	fields := strings.Split(strings.TrimSpace(string(secret)), ":")
	password := fields[len(fields)-1]
	for _, s := range cluster.Servers() {
		if strings.Contains(s.LogTail(1<<20), password) {
			t.Errorf("the log of %s shows the password of the replication role", s.Name)
		}
	}
}
