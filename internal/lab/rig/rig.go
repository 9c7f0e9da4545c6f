//go:build unix

// Package rig starts the servers that the laboratory's programs work on: a
// primary, set up for the exporter, and replicas, of which the first may stream
// through a link that can be slowed and cut.
package rig

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// SectionSQL reads what the probe writes.
const SectionSQL = "SELECT capacity FROM " + SectionRow

// SectionRow is the row that the probe writes, as SQL names it.
const SectionRow = "canary.section WHERE name = '" + section + "'"

const (
	role    = "canary"
	section = "default"
)

// Options are what the servers are started with.
type Options struct {
	// Installation is the programs to run; the zero value is those that are found.
	Installation pgcluster.Installation
	// Settings are those of all servers.
	Settings map[string]string
	// Replicas is how many to start; 0 is one.
	Replicas int
	// Name is what each server is called, with its number; "" is primary, replica1,
	// replica2…, which no longer says what they are after a failover.
	Name string
	// Linked makes the first replica stream through the link.
	Linked bool
}

// Rig is the servers and the link between the first two.
type Rig struct {
	Servers *pgcluster.Cluster
	// Replica is the first one.
	Primary, Replica *pgcluster.Server
	// Link is nil unless it was asked for.
	Link *Link

	name     string // of Options
	password string
}

// New starts the servers. The replay of a replica waits for queries that are in
// its way: by default it cancels even the shortest one after it had nothing to
// replay for half a minute.
func New(ctx context.Context, options Options) (*Rig, error) {
	settings := map[string]string{"max_standby_streaming_delay": "-1"}
	maps.Copy(settings, options.Settings)
	first := pgcluster.Options{Installation: options.Installation, Settings: settings}
	if options.Name != "" {
		first.Name = options.Name + "1"
	}
	servers, err := pgcluster.New(ctx, first)
	if err != nil {
		return nil, err
	}
	r := &Rig{Servers: servers, Primary: servers.Primary(), name: options.Name, password: rand.Text()}
	if err := r.prepare(ctx, options); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rig) prepare(ctx context.Context, options Options) (err error) {
	if err := (pgnode.Setup{Role: role, Password: r.password}).Run(ctx, r.Primary.SuperDSN()); err != nil {
		return err
	}
	way := ""
	if options.Linked {
		if r.Link, err = NewLink(r.Primary.Addr()); err != nil {
			return err
		}
		way = r.Link.Addr()
	}
	if r.Replica, err = r.addReplica(ctx, way); err != nil {
		return err
	}
	return r.Grow(ctx, options.Replicas)
}

// Grow starts replicas until there are so many.
func (r *Rig) Grow(ctx context.Context, replicas int) error {
	for len(r.Servers.Replicas()) < replicas {
		if _, err := r.addReplica(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rig) addReplica(ctx context.Context, way string) (*pgcluster.Server, error) {
	name := fmt.Sprint("replica", len(r.Servers.Replicas())+1)
	if r.name != "" {
		name = fmt.Sprint(r.name, len(r.Servers.Servers())+1)
	}
	return r.Servers.AddReplica(ctx, pgcluster.ReplicaOptions{Name: name, Via: way})
}

// DSNs returns the exporter's connection strings, the primary's first.
func (r *Rig) DSNs() []string {
	list := []string{r.DSN(r.Primary)}
	for _, replica := range r.Servers.Replicas() {
		list = append(list, r.DSN(replica))
	}
	return list
}

// DSN returns the exporter's connection string to a server.
func (r *Rig) DSN(server *pgcluster.Server) string { return server.DSN(role, r.password, "postgres") }

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

// DelayReplay sets recovery_min_apply_delay, such as 5s, or 0 for none.
func (r *Rig) DelayReplay(value string) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.Replica.SetConfig(ctx, map[string]string{"recovery_min_apply_delay": value})
	}
}

// Close ends the servers and the link.
func (r *Rig) Close() error {
	err := r.Servers.Close()
	if r.Link != nil {
		r.Link.Close()
	}
	return err
}
