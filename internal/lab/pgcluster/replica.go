//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ReplicaOptions describe a new replica.
type ReplicaOptions struct {
	Name     string            // also its application_name; "" is replica1, replica2…
	Settings map[string]string // of postgresql.conf, over those of the primary
	Upstream *Server           // where it streams from; nil is the primary
	Via      string            // host:port of a proxy to the upstream to stream through
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// AddReplica makes a hot standby from a base backup of the primary and waits
// until it accepts connections and is streaming.
func (c *Cluster) AddReplica(ctx context.Context, options ReplicaOptions) (*Server, error) {
	upstream := options.Upstream
	if upstream == nil {
		upstream = c.Primary()
	}
	settings := maps.Clone(c.settings)
	maps.Copy(settings, options.Settings)
	s, err := c.newServer(options.Name, settings)
	if err != nil {
		return nil, err
	}
	if err := s.becomeReplica(ctx, upstream, options.Via); err != nil {
		return nil, errors.Join(fmt.Errorf("replica %s: %w", s.Name, err), s.Kill(), c.remove(s))
	}
	c.logf("replica %s streams from %s, listening on %s", s.Name, upstream.Name, s.Addr())
	return s, nil
}

// Reclone throws the data of a stopped server away and makes it a replica of
// upstream (nil is the primary) by a new clone: the way back for an old primary.
func (c *Cluster) Reclone(ctx context.Context, s, upstream *Server) error {
	if upstream == nil {
		upstream = c.Primary()
	}
	if s.Running() {
		return fmt.Errorf("server %s still runs", s.Name)
	}
	if err := os.RemoveAll(s.DataDir); err != nil {
		return err
	}
	if err := s.becomeReplica(ctx, upstream, ""); err != nil {
		return fmt.Errorf("clone %s again: %w", s.Name, err)
	}
	c.logf("replica %s streams from %s", s.Name, upstream.Name)
	return nil
}

func (s *Server) becomeReplica(ctx context.Context, upstream *Server, via string) error {
	if upstream == s {
		return errors.New("a server cannot stream from itself")
	}
	source, err := upstream.source(ctx)
	if err != nil {
		return err
	}
	// The slot comes first, so that it holds all WAL from the backup's start on.
	if err := upstream.makeSlot(ctx, s.slot()); err != nil {
		return err
	}
	if err := s.cluster.clone(ctx, source, s.DataDir); err != nil {
		return err
	}
	if err := s.writeFollowing(upstream, via); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	return s.WaitStreaming(ctx)
}

// source is the primary that s gets its WAL from in the end: s itself, unless
// it is a replica that was not promoted.
func (s *Server) source(ctx context.Context) (*Server, error) {
	for at := s; ; at = at.Upstream() {
		if at == nil {
			return nil, fmt.Errorf("server %s has no primary", s.Name)
		}
		var inRecovery bool
		if err := at.QueryRow(ctx, "SELECT pg_is_in_recovery()", &inRecovery); err != nil {
			return nil, err
		}
		if !inRecovery {
			return at, nil
		}
	}
}

func (s *Server) slot() string { return strings.ReplaceAll(s.Name, "-", "_") }

// makeSlot makes a slot that keeps all WAL from now on, in place of an old one.
func (s *Server) makeSlot(ctx context.Context, name string) error {
	err := s.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active", name)
	if err != nil {
		return err
	}
	return s.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", name)
}

// writeFollowing writes the files that make s a standby of upstream.
func (s *Server) writeFollowing(upstream *Server, via string) error {
	address := via
	if address == "" {
		address = upstream.Addr()
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upstream, s.via = upstream, via
	// The password is not in the connection string: the server's log shows
	// that on every change.
	s.settings["primary_conninfo"] = fmt.Sprintf("host=%s port=%s user=%s application_name=%s passfile='%s' sslmode=disable gssencmode=disable",
		host, port, replicator, s.Name, confEscaper.Replace(s.cluster.Passfile()))
	s.settings["primary_slot_name"] = s.slot()
	signal := filepath.Join(s.DataDir, "standby.signal")
	return errors.Join(s.writeSettings(), s.writeHBA(), s.cluster.account.WriteFile(signal, ""))
}

// Follow makes a running replica stream from another upstream, through the
// address via unless it is "". It does not wait until it does.
func (s *Server) Follow(ctx context.Context, upstream *Server, via string) error {
	if upstream != s.Upstream() {
		if err := upstream.makeSlot(ctx, s.slot()); err != nil {
			return err
		}
	}
	if err := s.writeFollowing(upstream, via); err != nil {
		return err
	}
	return s.Reload()
}

// WaitStreaming waits until the upstream says that the replica streams.
func (s *Server) WaitStreaming(ctx context.Context) error {
	upstream := s.Upstream()
	if upstream == nil {
		return fmt.Errorf("server %s is no replica", s.Name)
	}
	return poll(ctx, "server "+s.Name+" to stream from "+upstream.Name, func() (bool, error) {
		var streaming bool
		err := upstream.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '"+s.Name+"')", &streaming)
		return streaming, err
	})
}

// WaitCaughtUp waits until the replica has replayed all WAL that its primary has
// written so far.
func (s *Server) WaitCaughtUp(ctx context.Context) error {
	source, err := s.source(ctx)
	if err != nil {
		return err
	}
	var written string
	if err := source.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text", &written); err != nil {
		return err
	}
	return poll(ctx, "server "+s.Name+" to replay "+written, func() (bool, error) {
		var replayed bool
		err := s.QueryRow(ctx, "SELECT coalesce(pg_last_wal_replay_lsn() >= '"+written+"', true)", &replayed)
		return replayed, err
	})
}

// promoteTimeout bounds a promotion whose context has no deadline.
const promoteTimeout = time.Minute

// Promote makes the replica a primary, the cluster's from now on. The old one
// is left as it is.
func (s *Server) Promote(ctx context.Context) error {
	// One that waited for its end could be in the way of the last replay, and cancelled.
	if err := s.Exec(ctx, "SELECT pg_promote(false)"); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, promoteTimeout)
	defer cancel()
	err := poll(bounded, "server "+s.Name+" to be promoted", func() (promoted bool, err error) {
		err = s.QueryRow(bounded, "SELECT NOT pg_is_in_recovery()", &promoted)
		return promoted, err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.upstream, s.via = nil, ""
	delete(s.settings, "primary_conninfo")
	delete(s.settings, "primary_slot_name")
	err = s.writeSettings()
	s.mu.Unlock()
	s.cluster.setPrimary(s)
	s.cluster.logf("%s is the primary now", s.Name)
	return errors.Join(err, s.Reload())
}

const sqlPollInterval = 20 * time.Millisecond

// poll asks until the answer is yes, an error or the end of ctx.
func poll(ctx context.Context, what string, ask func() (bool, error)) error {
	for {
		yes, err := ask()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(sqlPollInterval):
		}
	}
}

// nextName is the first free of replica1, replica2…
func nextName(servers []*Server) string {
	for number := 1; ; number++ {
		name := fmt.Sprintf("replica%d", number)
		if !slices.ContainsFunc(servers, func(s *Server) bool { return s.Name == name }) {
			return name
		}
	}
}
