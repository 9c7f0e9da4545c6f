//go:build unix

package pgcluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settingsFile is what postgresql.conf includes last.
const settingsFile = "settings.conf"

// replicator is the role that replicas stream as.
const replicator = "replicator"

// Options say how to make a cluster.
type Options struct {
	// Installation is the server's; the one that Find("") finds when empty.
	Installation Installation
	// Dir is where the cluster's directory is made; the temporary directory when empty.
	Dir string
	// Settings of the primary, on top of those for throw-away servers.
	Settings map[string]string
}

// Cluster is a primary and its replicas.
type Cluster struct {
	Primary  *Server
	Replicas []*Server

	installation Installation
	account      *account
	dir          string
	password     string // of the superuser and of the replicator
}

// New makes a primary and starts it.
func New(ctx context.Context, options Options) (*Cluster, error) {
	installation := options.Installation
	if installation.BinDir == "" {
		found, err := Find("")
		if err != nil {
			return nil, err
		}
		installation = found
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(options.Dir, "pg_canary-*")
	if err != nil {
		return nil, err
	}
	c := &Cluster{installation: installation, account: account, dir: dir, password: rand.Text()}
	if err := c.startPrimary(ctx, options.Settings); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) startPrimary(ctx context.Context, settings map[string]string) error {
	if err := os.Chmod(c.dir, 0o711); err != nil {
		return err
	}
	primary, err := c.newServer("primary", settings)
	if err != nil {
		return err
	}
	c.Primary = primary
	if err := c.initdb(primary.DataDir); err != nil {
		return err
	}
	configuration := filepath.Join(primary.DataDir, "postgresql.conf")
	if err := appendTo(configuration, "\ninclude '"+settingsFile+"'\n"); err != nil {
		return err
	}
	if err := primary.writeSettings(); err != nil {
		return err
	}
	if err := primary.Start(ctx); err != nil {
		return err
	}
	if err := primary.SetHBA(ctx); err != nil {
		return err
	}
	return primary.Exec(ctx, "CREATE ROLE "+replicator+" LOGIN REPLICATION PASSWORD '"+c.password+"'")
}

// newServer chooses a port and a directory.
func (c *Cluster) newServer(name string, settings map[string]string) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, err
	}
	s := &Server{
		Name: name, Host: "127.0.0.1", Port: port, DataDir: filepath.Join(c.dir, name), cluster: c,
		settings: map[string]string{
			"listen_addresses":             "127.0.0.1",
			"port":                         fmt.Sprint(port),
			"unix_socket_directories":      "",
			"max_connections":              "100",
			"shared_buffers":               "16MB",
			"wal_level":                    "replica",
			"max_wal_senders":              "20",
			"max_replication_slots":        "20",
			"wal_receiver_status_interval": "1s",
			"wal_retrieve_retry_interval":  "200ms",
			"log_line_prefix":              "%m [%p] ",
			// Nobody misses these servers after a power cut.
			"fsync": "off",
		},
	}
	maps.Copy(s.settings, settings)
	return s, nil
}

// initdb makes the data directory, with a superuser who has a password.
func (c *Cluster) initdb(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	passwordFile := dir + ".password"
	if err := os.WriteFile(passwordFile, []byte(c.password), 0o600); err != nil {
		return err
	}
	defer os.Remove(passwordFile) //nolint:errcheck // Close removes it otherwise.
	if err := errors.Join(c.account.own(dir), c.account.own(passwordFile)); err != nil {
		return err
	}
	command := c.account.command(filepath.Join(c.installation.BinDir, "initdb"), "-D", dir, "--username="+superuser,
		"--pwfile="+passwordFile, "--auth=scram-sha-256", "--locale=C", "--encoding=UTF8", "--no-sync")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w (is %s readable for the user that runs it?)\n%s", err, c.installation.BinDir, output)
	}
	return nil
}

// Close stops all servers and removes their files.
func (c *Cluster) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	servers := c.Replicas
	if c.Primary != nil {
		servers = append(servers[:len(servers):len(servers)], c.Primary)
	}
	for _, s := range servers {
		errs = append(errs, s.Thaw())
		if s.Stop(ctx, Immediate) != nil {
			errs = append(errs, s.Kill())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// Logs returns the ends of all servers' logs.
func (c *Cluster) Logs() string {
	var text strings.Builder
	for _, s := range append([]*Server{c.Primary}, c.Replicas...) {
		_, _ = fmt.Fprintf(&text, "--- log of %s\n%s\n", s.Name, s.LogTail(30))
	}
	return text.String()
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, text)
	return errors.Join(err, file.Close())
}
