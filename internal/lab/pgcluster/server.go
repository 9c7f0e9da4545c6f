//go:build unix

package pgcluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Host is the address that all servers listen on.
const Host = "127.0.0.1"

const (
	superuser  = "postgres"
	replicator = "pgcluster_replicator"
)

// Server is one PostgreSQL server of a cluster. Its methods can be called from
// several goroutines, but only one at a time may start or end it.
type Server struct {
	Name    string
	Host    string
	Port    int
	DataDir string

	cluster *Cluster
	claim   net.PacketConn // keeps the port from other clusters

	mu       sync.Mutex
	running  process           // the last one that was started, if any
	settings map[string]string // all of postgresql.conf
	hba      []string
	upstream *Server // nil for a primary
	via      string
}

// dir holds all that belongs to the server: data, log and socket.
func (s *Server) dir() string { return filepath.Dir(s.DataDir) }

// LogFile is the path of the server's log.
func (s *Server) LogFile() string { return filepath.Join(s.dir(), "log") }

// LogTail returns up to max bytes from the end of the server's log.
func (s *Server) LogTail(max int64) string {
	file, err := os.Open(s.LogFile())
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > max {
		if _, err := file.Seek(-max, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	tail, err := io.ReadAll(io.LimitReader(file, max))
	if err != nil {
		return err.Error()
	}
	return string(tail)
}

// Addr is host:port, for a proxy to connect to.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// DSN returns a connection URL.
func (s *Server) DSN(user, password, dbname string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     s.Addr(),
		Path:     "/" + dbname,
		RawQuery: "sslmode=disable",
	}).String()
}

// SuperDSN returns the superuser's connection URL.
func (s *Server) SuperDSN() string {
	return s.DSN(superuser, s.cluster.superPassword, "postgres")
}

// Upstream is the server that this one was told to stream from; nil for a primary.
func (s *Server) Upstream() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upstream
}

// Exec runs SQL as superuser over a connection of its own. Without arguments
// it may be several statements.
func (s *Server) Exec(ctx context.Context, sql string, args ...any) error {
	return s.withConn(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// QueryRow runs a query as superuser over a connection of its own and scans
// its first row into dest.
func (s *Server) QueryRow(ctx context.Context, sql string, dest ...any) error {
	return s.withConn(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql).Scan(dest...)
	})
}

func (s *Server) withConn(ctx context.Context, do func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(s.SuperDSN())
	if err != nil {
		return err
	}
	// PG… variables of the environment must not change what a test does.
	config.RuntimeParams = map[string]string{"application_name": "pgcluster"}
	config.ValidateConnect = nil
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("server %s: %w", s.Name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := do(conn); err != nil {
		return fmt.Errorf("server %s: %w", s.Name, err)
	}
	return nil
}
