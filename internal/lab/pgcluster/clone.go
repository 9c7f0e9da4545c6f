//go:build unix

package pgcluster

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// contentless are directories that a base backup holds without their content:
// it belongs to the running server, or the next start makes it anew.
var contentless = map[string]bool{
	"pg_dynshmem": true, "pg_notify": true, "pg_replslot": true, "pg_serial": true,
	"pg_snapshots": true, "pg_stat_tmp": true, "pg_subtrans": true,
}

// leftOut are files that a base backup does not hold.
var leftOut = map[string]bool{
	"backup_label": true, "backup_manifest": true, "tablespace_map": true,
	"current_logfiles": true, "pg_internal.init": true,
	"postmaster.opts": true, "postmaster.pid": true,
	"recovery.signal": true, "standby.signal": true,
	// These come after the copy, or are written for the clone.
	"pg_control": true, "postgresql.conf": true, "pg_hba.conf": true,
}

// clone takes a base backup of the running primary from into the new directory
// target: PostgreSQL's low-level backup API around a copy of the files. The WAL
// that the clone needs must be kept by a slot made before.
func (c *Cluster) clone(ctx context.Context, from *Server, target string) error {
	begin, end := "SELECT pg_backup_start($1, true)", "SELECT labelfile FROM pg_backup_stop(false)"
	if c.installation.Major < 15 {
		begin, end = "SELECT pg_start_backup($1, true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)"
	}
	return from.withConn(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, begin, "pgcluster"); err != nil {
			return err
		}
		if err := c.account.CopyTree(ctx, from.DataDir, target, skipInClone); err != nil {
			return err
		}
		if err := c.copyControlFile(ctx, from.DataDir, target); err != nil {
			return err
		}
		var label string
		if err := conn.QueryRow(ctx, end).Scan(&label); err != nil {
			return err
		}
		return c.account.WriteFile(filepath.Join(target, "backup_label"), label)
	})
}

func skipInClone(relative string, entry fs.DirEntry) bool {
	dir, name := path.Split(filepath.ToSlash(relative))
	top, _, _ := strings.Cut(dir, "/")
	switch {
	case leftOut[name], strings.HasPrefix(name, "pgsql_tmp"), strings.HasSuffix(name, ".new"):
		return true
	case contentless[top]:
		return true
	case top == "pg_wal":
		return !entry.IsDir() && !strings.HasSuffix(name, ".history")
	}
	return false
}

// copyControlFile copies the one file that the server may be in the middle of
// writing and that no WAL repairs: it is read until it is the same twice.
func (c *Cluster) copyControlFile(ctx context.Context, from, target string) error {
	name := filepath.Join("global", "pg_control")
	var last []byte
	for ctx.Err() == nil {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if _, err := controlFileEnd(content); err == nil && bytes.Equal(content, last) {
			return c.account.WriteFile(filepath.Join(target, name), string(content))
		}
		last = content
		time.Sleep(pollInterval)
	}
	return fmt.Errorf("read %s: %w", name, ctx.Err())
}
