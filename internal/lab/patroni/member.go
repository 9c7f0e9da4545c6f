//go:build unix

package patroni

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	gops "github.com/shirou/gopsutil/v4/process"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// Member is a Patroni and its PostgreSQL.
type Member struct {
	Name string
	Port int // of PostgreSQL, on 127.0.0.1
	// NoFailover and NoLoadBalance are the tags of these names, from the next start on.
	NoFailover, NoLoadBalance bool

	cluster *Cluster
	dir     string
	rest    int // the port of the REST interface
	process process
}

// URL is where the REST interface listens.
func (m *Member) URL() string { return fmt.Sprintf("http://%s:%d", host, m.rest) }

// DataDir is PostgreSQL's.
func (m *Member) DataDir() string { return filepath.Join(m.dir, "data") }

func (m *Member) logFile() string { return filepath.Join(m.dir, "patroni.log") }

func (m *Member) configFile() string { return filepath.Join(m.dir, "patroni.yml") }

// choosePorts gives the member ports that nobody has.
func (m *Member) choosePorts() error {
	var err, restErr error
	m.Port, err = m.cluster.ports.claim()
	m.rest, restErr = m.cluster.ports.claim()
	return errors.Join(err, restErr)
}

// Start starts Patroni, which starts PostgreSQL. It waits for neither.
func (m *Member) Start() error {
	if m.process.Running() {
		return fmt.Errorf("member %s runs already", m.Name)
	}
	if err := m.cluster.account.WriteFile(m.configFile(), m.config()); err != nil {
		return err
	}
	var err error
	m.process, err = m.cluster.run(m.dir, m.logFile(), "patroni", m.configFile())
	return err
}

// Stop ends Patroni as an administrator does: it stops PostgreSQL and says good-bye.
func (m *Member) Stop(ctx context.Context) error { return m.process.stop(ctx, syscall.SIGTERM) }

// Kill ends Patroni and PostgreSQL at once, as a host that loses its power.
func (m *Member) Kill() error {
	err := m.process.kill()
	if pid := m.postmaster(); pid != 0 {
		err = errors.Join(err, pgcluster.KillTree(pid))
	}
	return err
}

// Suspend has Patroni, and not PostgreSQL, do nothing and answer nobody until Resume.
func (m *Member) Suspend() error { return m.process.Cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends what Suspend began.
func (m *Member) Resume() error { return m.process.Cmd.Process.Signal(syscall.SIGCONT) }

// StallReplication has the member's PostgreSQL commit what no replica gets, until it is killed.
func (m *Member) StallReplication(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, m.DSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // It was only read.
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_replication")
	if err != nil {
		return err
	}
	senders, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	for _, pid := range senders {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
	}
	return nil
}

// Move gives a member that does not run other ports, for its next start.
func (m *Member) Move() error {
	if m.process.Running() {
		return fmt.Errorf("member %s runs: stop it before it moves", m.Name)
	}
	return m.choosePorts()
}

// postmaster returns the id of PostgreSQL's process; 0 where none runs. Patroni is not its
// parent. The file may be a dead one's, whose number somebody else has by now.
func (m *Member) postmaster() int {
	content, err := os.ReadFile(filepath.Join(m.DataDir(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.ParseInt(first, 10, 32)
	if err != nil {
		return 0
	}
	command, err := (&gops.Process{Pid: int32(pid)}).Cmdline()
	if err != nil || !strings.Contains(command, m.DataDir()) {
		return 0
	}
	return int(pid)
}

// Reinitialize has Patroni throw a replica's data away and clone it anew. It does not wait
// for the end.
func (m *Member) Reinitialize(ctx context.Context) error {
	return m.do(ctx, "POST", "/reinitialize", map[string]any{"force": true})
}
