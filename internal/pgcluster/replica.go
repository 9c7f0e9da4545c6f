//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ReplicaOptions say how to make a replica.
type ReplicaOptions struct {
	// Name is its name, its replication slot's, and its application_name.
	Name string
	// Settings on top of those for throw-away servers.
	Settings map[string]string
	// Upstream is whom it streams from; the primary when nil.
	Upstream *Server
	// Via is the address (host:port) of a proxy on the way to the upstream.
	Via string
}

// AddReplica clones the primary, starts the clone as a hot standby, and waits
// until it streams.
func (c *Cluster) AddReplica(ctx context.Context, options ReplicaOptions) (*Server, error) {
	s, err := c.newServer(options.Name, options.Settings)
	if err != nil {
		return nil, err
	}
	if err := c.clone(ctx, s, options); err != nil {
		return nil, fmt.Errorf("cloning %s: %w", s.Name, err)
	}
	c.Replicas = append(c.Replicas, s)
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, s.waitUntilStreaming(ctx)
}

// Reclone replaces a stopped server, such as the old primary after a failover,
// by a clone that follows the given one.
func (c *Cluster) Reclone(ctx context.Context, s, upstream *Server) error {
	if s.process != nil {
		return fmt.Errorf("%s is running", s.Name)
	}
	if err := os.RemoveAll(s.DataDir); err != nil {
		return err
	}
	if err := c.clone(ctx, s, ReplicaOptions{Name: s.Name, Upstream: upstream}); err != nil {
		return fmt.Errorf("cloning %s: %w", s.Name, err)
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	return s.waitUntilStreaming(ctx)
}

// clone copies the source's files between the start and the stop of a backup.
// The WAL comes by streaming: a slot keeps it from before the backup.
func (c *Cluster) clone(ctx context.Context, s *Server, options ReplicaOptions) error {
	upstream := options.Upstream
	if upstream == nil {
		upstream = c.Primary
	}
	slot := strings.ReplaceAll(s.Name, "-", "_")
	err := upstream.Exec(ctx, `SELECT pg_create_physical_replication_slot($1, true)
		WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`, slot)
	if err != nil {
		return err
	}
	err = upstream.with(ctx, func(conn *pgx.Conn) error { return c.backup(ctx, conn, upstream.DataDir, s.DataDir) })
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.DataDir, "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	host, port := upstream.Host, strconv.Itoa(upstream.Port)
	if options.Via != "" {
		if host, port, err = net.SplitHostPort(options.Via); err != nil {
			return err
		}
	}
	s.settings["primary_conninfo"] = fmt.Sprintf("host=%s port=%s user=%s password=%s application_name=%s sslmode=disable",
		host, port, replicator, c.password, slot)
	s.settings["primary_slot_name"] = slot
	if err := s.writeSettings(); err != nil {
		return err
	}
	return c.account.own(s.DataDir)
}

// backup copies a running server's files. PostgreSQL 15 renamed the functions.
func (c *Cluster) backup(ctx context.Context, conn *pgx.Conn, from, to string) error {
	start, stop := "SELECT pg_backup_start('clone', true)", "SELECT labelfile FROM pg_backup_stop(false)"
	if c.installation.Major < 15 {
		start, stop = "SELECT pg_start_backup('clone', true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)"
	}
	if _, err := conn.Exec(ctx, start); err != nil {
		return err
	}
	copyErr := copyFiles(from, to)
	var label string
	if err := conn.QueryRow(ctx, stop).Scan(&label); err != nil {
		return errors.Join(copyErr, err)
	}
	return errors.Join(copyErr, os.WriteFile(filepath.Join(to, "backup_label"), []byte(label), 0o600))
}

// copyFiles copies a data directory without what a clone must not have: the
// files of the running server, its WAL and its slots. What disappears meanwhile
// is brought about again by the WAL.
func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch dir := strings.Split(name, string(filepath.Separator))[0]; {
		case entry.IsDir() && name != dir && (dir == "pg_wal" || dir == "pg_replslot"):
			if dir == "pg_wal" && entry.Name() == "archive_status" {
				return os.Mkdir(filepath.Join(to, name), 0o700)
			}
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case dir == "pg_wal", dir == "pg_replslot", strings.HasPrefix(name, "postmaster."),
			name == "standby.signal", name == settingsFile:
			return nil
		default:
			return copyFile(path, filepath.Join(to, name))
		}
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // It was only read.
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// waitUntilStreaming waits for the WAL receiver.
func (s *Server) waitUntilStreaming(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		var streaming bool
		err := s.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')", &streaming)
		if streaming {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not stream; its log ends with\n%s", s.Name, s.LogTail(20)), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
