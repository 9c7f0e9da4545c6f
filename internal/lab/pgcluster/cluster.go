//go:build unix

// Package pgcluster runs PostgreSQL clusters that are thrown away after use:
// one primary and its streaming replicas, real servers on this machine, for
// tests, benchmarks and the demo. They can be frozen, killed, promoted, cut off
// and cloned again. It needs the programs initdb and postgres, nothing else.
package pgcluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/account"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// Options describe a new cluster.
type Options struct {
	Installation Installation      // the programs to run; the zero value is Find("")
	Dir          string            // parent of the cluster's directory; "" is that for temporary files
	Name         string            // of the first server; "" is primary
	Settings     map[string]string // of postgresql.conf, for the primary and its replicas
	Environment  []string          // name=value, of the servers, beside what they get anyway
	Log          io.Writer         // a line for each thing done; nil for none
}

// Cluster is a primary and its replicas in one directory.
type Cluster struct {
	installation  Installation
	account       account.Account
	dir           string
	settings      map[string]string
	environment   []string
	superPassword string
	cleaner       *reaper.Reaper

	logMu sync.Mutex
	log   io.Writer

	mu      sync.Mutex
	closed  bool
	servers []*Server
	primary *Server
}

var errClosed = errors.New("the cluster is closed")

// New makes a database cluster and starts its primary. Close ends it; it also
// ends when this process does, in whatever way.
func New(ctx context.Context, options Options) (*Cluster, error) {
	if options.Installation.BinDir == "" {
		found, err := Find("")
		if err != nil {
			return nil, err
		}
		options.Installation = found
	}
	as, err := account.ForServers()
	if err != nil {
		return nil, err
	}
	made, err := templateOf(ctx, options.Installation, as, options.Dir)
	if err != nil {
		return nil, err
	}
	dir, cleaner, err := newRoot(ctx, options.Dir, options.Installation, as)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		installation:  options.Installation,
		account:       as,
		dir:           dir,
		settings:      map[string]string{},
		environment:   options.Environment,
		superPassword: made.password,
		cleaner:       cleaner,
		log:           options.Log,
	}
	maps.Copy(c.settings, options.Settings)
	if err := c.startPrimary(ctx, cmp.Or(options.Name, "primary"), made); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.logf("PostgreSQL %s primary listening on %s, data in %s", c.installation.Version, c.primary.Addr(), c.primary.DataDir)
	return c, nil
}

func (c *Cluster) startPrimary(ctx context.Context, name string, made template) error {
	s, err := c.newServer(name, c.settings)
	if err != nil {
		return err
	}
	c.setPrimary(s)
	if err := c.account.CopyTree(ctx, made.dataDir, s.DataDir, nil); err != nil {
		return err
	}
	if err := newSystemIdentifier(s.DataDir); err != nil {
		return err
	}
	if err := errors.Join(s.writeSettings(), s.writeHBA()); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	password := rand.Text()
	entries := "*:*:*:" + superuser + ":" + c.superPassword + "\n*:*:*:" + replicator + ":" + password + "\n"
	if err := c.account.WriteFile(c.Passfile(), entries); err != nil {
		return err
	}
	return s.Exec(ctx, "CREATE ROLE "+replicator+" LOGIN REPLICATION PASSWORD '"+password+"'")
}

// Passfile is where the replicas find the password of the replication role, and
// psql that of the superuser.
func (c *Cluster) Passfile() string { return filepath.Join(c.dir, "passfile") }

// newServer enters a server that has no data yet.
func (c *Cluster) newServer(name string, settings map[string]string) (*Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if name == "" {
		name = nextName(c.servers)
	}
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name for a server: it must match %s", name, validName)
	}
	s := &Server{Name: name, Host: Host, DataDir: filepath.Join(c.dir, name, "data"), cluster: c}
	for _, other := range c.servers {
		if other.slot() == s.slot() {
			return nil, fmt.Errorf("the cluster has a server %s already", other.Name)
		}
	}
	var err error
	if s.Port, s.claim, err = ClaimPort(); err != nil {
		return nil, err
	}
	if s.settings, err = s.settingsFor(settings); err != nil {
		return nil, errors.Join(err, s.claim.Close())
	}
	if err := c.account.MakeDir(s.dir()); err != nil {
		return nil, errors.Join(err, s.claim.Close())
	}
	c.servers = append(c.servers, s)
	return s, nil
}

// remove forgets a server that does not run, and its files.
func (c *Cluster) remove(s *Server) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers = slices.DeleteFunc(c.servers, func(each *Server) bool { return each == s })
	return errors.Join(os.RemoveAll(s.dir()), s.claim.Close())
}

func (c *Cluster) setPrimary(s *Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.primary = s
}

// Primary is the first server, or the one that was promoted last.
func (c *Cluster) Primary() *Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.primary
}

// Servers are all servers, in the order they were made.
func (c *Cluster) Servers() []*Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.servers)
}

// Replicas are the servers that were made to follow another one and were not
// promoted since.
func (c *Cluster) Replicas() []*Server {
	return slices.DeleteFunc(c.Servers(), func(s *Server) bool { return s.Upstream() == nil })
}

// Installation is the programs that the cluster runs.
func (c *Cluster) Installation() Installation { return c.installation }

// Close ends all servers at once, frozen ones too, and removes their files. It
// can be called again.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	servers := slices.Clone(c.servers)
	c.mu.Unlock()

	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Kill(), s.claim.Close())
	}
	errs = append(errs, os.RemoveAll(c.dir), c.cleaner.Finish())
	return errors.Join(errs...)
}

func (c *Cluster) logf(format string, args ...any) {
	if c.log == nil {
		return
	}
	c.logMu.Lock()
	defer c.logMu.Unlock()
	fmt.Fprintf(c.log, format+"\n", args...)
}
