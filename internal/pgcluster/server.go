//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "postgres"
	database  = "postgres"
	// startTimeout is generous: a machine may be busy with everything else.
	startTimeout = 60 * time.Second
)

// Server is one PostgreSQL server of a cluster.
type Server struct {
	Name string
	// Host is 127.0.0.1, and Port was free when the server was made.
	Host string
	Port int
	// DataDir is its data directory.
	DataDir string

	cluster  *Cluster
	settings map[string]string
	process  *process // nil while it is not running
}

// DSN returns a connection string for a role.
func (s *Server) DSN(user, password, dbname string) string {
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: fmt.Sprintf("%s:%d", s.Host, s.Port), Path: "/" + dbname, RawQuery: "sslmode=disable",
	}
	return dsn.String()
}

// SuperDSN returns the superuser's connection string.
func (s *Server) SuperDSN() string { return s.DSN(superuser, s.cluster.password, database) }

// Exec runs one statement as superuser, on a connection of its own.
func (s *Server) Exec(ctx context.Context, sql string, args ...any) error {
	return s.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// QueryRow reads one row as superuser, on a connection of its own.
func (s *Server) QueryRow(ctx context.Context, sql string, dest ...any) error {
	return s.with(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, sql).Scan(dest...) })
}

func (s *Server) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.SuperDSN())
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	err = do(conn)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// Start starts the server and waits until it accepts connections.
func (s *Server) Start(ctx context.Context) error {
	if s.process != nil {
		return fmt.Errorf("%s is running already", s.Name)
	}
	started, err := startProcess(s.cluster.account, filepath.Join(s.cluster.installation.BinDir, "postgres"), s.logPath(), "-D", s.DataDir)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	s.process = started
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if s.Exec(ctx, "SELECT 1") == nil {
			return nil
		}
		select {
		case <-started.exited:
			s.process = nil
			return fmt.Errorf("%s ended while it started; its log ends with\n%s", s.Name, s.LogTail(20))
		case <-ctx.Done():
			return fmt.Errorf("%s does not accept connections: %w; its log ends with\n%s", s.Name, ctx.Err(), s.LogTail(20))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Restart stops and starts the server.
func (s *Server) Restart(ctx context.Context) error {
	return errors.Join(s.Stop(ctx, Fast), s.Start(ctx))
}

// SetConfig changes settings and reloads the configuration. Those that were
// set before stay as they are. Values are quoted by this method.
func (s *Server) SetConfig(ctx context.Context, settings map[string]string) error {
	maps.Copy(s.settings, settings)
	if err := s.writeSettings(); err != nil {
		return err
	}
	return s.Exec(ctx, "SELECT pg_reload_conf()")
}

// writeSettings writes the file that postgresql.conf includes.
func (s *Server) writeSettings() error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.ReplaceAll(s.settings[name], "'", "''"))
	}
	path := filepath.Join(s.DataDir, settingsFile)
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return err
	}
	return s.cluster.account.own(path)
}

// SetHBA puts lines before the ones that let everybody in by password, and reloads.
func (s *Server) SetHBA(ctx context.Context, lines ...string) error {
	lines = append(slices.Clone(lines),
		"host all all all scram-sha-256", "host replication all all scram-sha-256")
	path := filepath.Join(s.DataDir, "pg_hba.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.cluster.account.own(path); err != nil {
		return err
	}
	return s.Exec(ctx, "SELECT pg_reload_conf()")
}

// Promote makes a replica a primary and waits until it is one.
func (s *Server) Promote(ctx context.Context) error {
	var promoted bool
	if err := s.QueryRow(ctx, "SELECT pg_promote(true, 60)", &promoted); err != nil {
		return err
	}
	if !promoted {
		return fmt.Errorf("%s was not promoted within a minute", s.Name)
	}
	return nil
}

func (s *Server) logPath() string { return s.DataDir + ".log" }

// LogTail returns the last lines of the server's log.
func (s *Server) LogTail(lines int) string {
	content, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
