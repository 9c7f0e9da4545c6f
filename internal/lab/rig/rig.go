//go:build unix

// Package rig is what the measurements of truth share: a primary and a replica
// whose replication passes a link that can be slowed and cut, and the
// exporter's probe on both.
package rig

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// SectionSQL reads what the probe writes.
const SectionSQL = "SELECT capacity FROM canary.section WHERE name = 'default'"

const role = "canary"

// Rig is the servers and the link between them.
type Rig struct {
	Servers          *pgcluster.Cluster
	Primary, Replica *pgcluster.Server
	Link             *Link

	password string
}

// New starts the servers; the replica streams through the link. Its replay waits
// for queries that are in its way: by default it cancels even the shortest one
// after it had nothing to replay for half a minute.
func New(ctx context.Context, options pgcluster.Options) (*Rig, error) {
	settings := map[string]string{"max_standby_streaming_delay": "-1"}
	maps.Copy(settings, options.Settings)
	options.Settings = settings
	servers, err := pgcluster.New(ctx, options)
	if err != nil {
		return nil, err
	}
	r := &Rig{Servers: servers, Primary: servers.Primary(), password: rand.Text()}
	if err := r.prepare(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rig) prepare(ctx context.Context) error {
	if err := (pgnode.Setup{Role: role, Password: r.password}).Run(ctx, r.Primary.SuperDSN()); err != nil {
		return err
	}
	var err error
	if r.Link, err = newLink(r.Primary.Addr()); err != nil {
		return err
	}
	r.Replica, err = r.Servers.AddReplica(ctx, pgcluster.ReplicaOptions{Name: "replica", Via: r.Link.addr()})
	return err
}

// Config is the exporter's own default.
func Config() probe.Config {
	return probe.Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}
}

// Probe returns the exporter's probe of the two servers.
func (r *Rig) Probe(config probe.Config) (*probe.Cluster, error) {
	var nodes []probe.Node
	for _, server := range []*pgcluster.Server{r.Primary, r.Replica} {
		node, err := pgnode.New(server.DSN(role, r.password, "postgres"), pgnode.Options{
			Section: "default", SynchronousCommit: "local", StatementTimeout: 5 * time.Second,
		})
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return probe.New(config, nodes...), nil
}

// PauseReplay pauses the replay and waits until it is paused.
func (r *Rig) PauseReplay(ctx context.Context) error {
	if err := r.Replica.Exec(ctx, "SELECT pg_wal_replay_pause()"); err != nil {
		return err
	}
	for paused := false; !paused; {
		if err := r.Replica.QueryRow(ctx, "SELECT pg_is_wal_replay_paused()", &paused); err != nil {
			return err
		}
	}
	return nil
}

// ResumeReplay lets the replay go on.
func (r *Rig) ResumeReplay(ctx context.Context) error {
	return r.Replica.Exec(ctx, "SELECT pg_wal_replay_resume()")
}

// Close ends the servers and the link.
func (r *Rig) Close() error {
	err := r.Servers.Close()
	if r.Link != nil {
		r.Link.close()
	}
	return err
}
