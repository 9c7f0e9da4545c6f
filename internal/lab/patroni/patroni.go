//go:build unix

// Package patroni runs clusters of Patroni that are thrown away after use: an etcd and
// three members with real PostgreSQL servers on loopback, none of them as root. They can
// be switched over, killed, stopped, moved, paused and initialized anew.
package patroni

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/account"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

const host = "127.0.0.1"

// Superuser is PostgreSQL's, whose password Cluster.Password has.
const Superuser = "postgres"

// Options describe a new cluster.
type Options struct {
	Installation pgcluster.Installation // the programs of PostgreSQL; the zero value is pgcluster.Find("")
	Dir          string                 // parent of the cluster's directory; "" is that for temporary files
}

// Cluster is an etcd and the members that find each other in it.
type Cluster struct {
	Password string // of Superuser, on every member

	installation pgcluster.Installation
	account      account.Account
	dir          string
	cleaner      *reaper.Reaper
	programs     map[string]string // by name
	ports        ports
	etcd         process
	etcdPort     int
	etcdPeers    int // the port for other etcds, of which there are none
	members      []*Member
	replication  string // the password of the replication role
}

// Start starts a cluster, and waits until its replicas stream from its leader. Close ends
// it; it also ends when this process does, in whatever way.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	c := &Cluster{Password: rand.Text(), replication: rand.Text(), installation: options.Installation}
	if err := c.findPrograms(); err != nil {
		return nil, err
	}
	if err := c.makeDir(options.Dir); err != nil {
		return nil, err
	}
	err := c.account.Check(ctx, filepath.Join(c.installation.BinDir, "postgres"), c.dir)
	if err == nil {
		err = c.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, c.Logs()), c.Close())
	}
	return c, nil
}

// findPrograms finds what the cluster runs.
func (c *Cluster) findPrograms() error {
	var err error
	if c.installation.BinDir == "" {
		if c.installation, err = pgcluster.Find(""); err != nil {
			return err
		}
	}
	c.programs = map[string]string{}
	for _, name := range []string{"patroni", "etcd"} {
		if c.programs[name], err = lookPath(name); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes the directory that is removed at the end.
func (c *Cluster) makeDir(parent string) (err error) {
	if c.account, err = account.ForServers(); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp(parent, "patroni-"); err != nil {
		return err
	}
	// At SIGTERM Patroni ends its PostgreSQL too.
	if c.cleaner, err = reaper.Start(c.dir, syscall.SIGTERM); err != nil {
		return errors.Join(err, os.Remove(c.dir))
	}
	if err := c.account.Own(c.dir); err != nil {
		return errors.Join(err, c.cleaner.Finish())
	}
	return nil
}

// start starts etcd, the first member, which becomes the leader, and the others.
func (c *Cluster) start(ctx context.Context) error {
	var err error
	if c.etcdPort, err = c.ports.claim(); err != nil {
		return err
	}
	if c.etcdPeers, err = c.ports.claim(); err != nil {
		return err
	}
	if err := c.StartEtcd(ctx); err != nil {
		return err
	}
	for i := range 3 {
		if err := c.addMember(fmt.Sprintf("n%d", i+1)); err != nil {
			return err
		}
	}
	if err := c.members[0].Start(); err != nil {
		return err
	}
	if _, err := c.await(ctx, "a leader", func(v view) bool { return v.leader() != "" }); err != nil {
		return err
	}
	for _, member := range c.members[1:] {
		if err := member.Start(); err != nil {
			return err
		}
	}
	return c.AwaitHealthy(ctx)
}

// Members are all members, by name.
func (c *Cluster) Members() []*Member { return slices.Clone(c.members) }

// Member returns one by its name; nil where there is none.
func (c *Cluster) Member(name string) *Member {
	for _, member := range c.members {
		if member.Name == name {
			return member
		}
	}
	return nil
}

// Logs are the ends of all logs.
func (c *Cluster) Logs() string {
	logs := "log of etcd ends with:\n" + tail(c.etcdLog())
	for _, member := range c.members {
		logs += "\nlog of " + member.Name + " ends with:\n" + tail(member.logFile())
	}
	return logs
}

// logTail is how much of a log is shown, in bytes.
const logTail = 3000

func tail(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-logTail):])
}

// Close ends everything at once, and removes its files.
func (c *Cluster) Close() error {
	var errs []error
	for _, member := range c.members {
		errs = append(errs, member.Kill())
	}
	errs = append(errs, c.etcd.kill(), c.ports.release(), os.RemoveAll(c.dir), c.cleaner.Finish())
	return errors.Join(errs...)
}

// addMember makes the place of a member that is not started.
func (c *Cluster) addMember(name string) error {
	m := &Member{Name: name, cluster: c, dir: filepath.Join(c.dir, name)}
	c.members = append(c.members, m)
	return errors.Join(c.account.MakeDir(m.dir), m.choosePorts())
}
