//go:build unix

// Package pgbouncer runs PgBouncers that are thrown away after a test, before
// real servers.
package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// Variable is the environment variable that names the program.
const Variable = "PG_CANARY_PGBOUNCER"

// admin is the user of the console.
const admin = "admin"

// Config describes a PgBouncer.
type Config struct {
	// Server is the connection string of the database behind it, in PgBouncer's
	// form: host=… port=… dbname=…, with user= and password= for a forced user.
	Server string
	// More are further databases, by name, in the same form.
	More map[string]string
	// PoolMode is session, transaction or statement.
	PoolMode string
	// PoolSize is how many server connections the clients share.
	PoolSize int
	// Users have their passwords.
	Users map[string]string
	// Settings are further lines of the section [pgbouncer].
	Settings []string
}

// Bouncer is a running PgBouncer. Its first database is called app.
type Bouncer struct {
	t    testing.TB
	port int
}

// Start starts a PgBouncer that ends with the test, which fails without the program.
func Start(t testing.TB, config Config) *Bouncer {
	t.Helper()
	program, err := install.Find(Variable, "pgbouncer")
	if err != nil {
		t.Fatalf("%v: install the package pgbouncer (`make tools` does), or name the program in %s", err, Variable)
	}
	credential, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	dir := pgtest.SharedDir(t)
	b := &Bouncer{t: t, port: pgtest.Port(t)}
	ini := filepath.Join(dir, "pgbouncer.ini")
	b.write(ini, b.ini(config, dir))
	users := fmt.Sprintf("%q \"\"\n", admin)
	for name, password := range config.Users {
		users += fmt.Sprintf("%q %q\n", name, password)
	}
	b.write(filepath.Join(dir, "users"), users)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, ini)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setsid: true}
	output := &strings.Builder{}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("log of PgBouncer:\n%s", tail(output.String(), 4000))
		}
	})
	b.awaitStart()
	return b
}

func (b *Bouncer) ini(config Config, dir string) string {
	lines := []string{
		"[databases]",
		"app = " + config.Server,
	}
	for name, server := range config.More {
		lines = append(lines, name+" = "+server)
	}
	lines = append(lines,
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		"listen_port = "+strconv.Itoa(b.port),
		"unix_socket_dir =",
		"auth_type = trust",
		"auth_file = "+filepath.Join(dir, "users"),
		"admin_users = "+admin,
		"pool_mode = "+config.PoolMode,
		"default_pool_size = "+strconv.Itoa(config.PoolSize),
	)
	return strings.Join(append(lines, config.Settings...), "\n") + "\n"
}

// Addr is where it listens, host:port.
func (b *Bouncer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// DSN is a user's connection string through the pooler.
func (b *Bouncer) DSN(role string) string { return b.DSNTo("app", role) }

// DSNTo is the same to another database of it.
func (b *Bouncer) DSNTo(database, role string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", role, b.port, database)
}

// Do runs a command of the console, such as PAUSE, and waits for its end.
func (b *Bouncer) Do(ctx context.Context, command string) error {
	conn, err := b.console(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, command)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

func (b *Bouncer) console(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s@127.0.0.1:%d/pgbouncer?sslmode=disable", admin, b.port))
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return pgx.ConnectConfig(ctx, config)
}

// awaitStart waits until the console answers.
func (b *Bouncer) awaitStart() {
	b.t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = b.Do(b.t.Context(), "SHOW VERSION"); err == nil {
			return
		}
	}
	b.t.Fatalf("PgBouncer does not answer: %v", err)
}

func (b *Bouncer) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // Another user reads it.
		b.t.Fatal(err)
	}
}

// unprivileged returns whom a root process runs PgBouncer as, which refuses to
// run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }
