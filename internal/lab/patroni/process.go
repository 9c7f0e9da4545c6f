//go:build unix

package patroni

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// lookPath finds a program, and says how to get it where it is missing.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no %s in PATH: install the packages patroni and etcd-server of Debian or Ubuntu (`make test-patroni` does as root), or what has these programs elsewhere", name)
	}
	return path, nil
}

// process is a program that runs, a child of this process; the zero value is none.
type process struct{ *reaper.Process }

// run starts a program of the cluster, which ends at the latest when this process does.
func (c *Cluster) run(dir, logFile, program string, args ...string) (process, error) {
	log, err := os.OpenFile(logFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return process{}, err
	}
	defer log.Close() //nolint:errcheck // The program has it.
	// It must not end with a context, which is only that of the start.
	cmd := c.account.Command(context.Background(), dir, c.programs[program], args...)
	cmd.Stdout, cmd.Stderr = log, log
	started, err := c.cleaner.Run(cmd)
	if err != nil && started != nil {
		err = errors.Join(err, process{started}.kill())
	}
	return process{started}, err
}

// stop ends it by a signal, and waits.
func (p process) stop(ctx context.Context, signal syscall.Signal) error {
	if !p.Running() {
		return nil
	}
	if err := p.Cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.Done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends it at once.
func (p process) kill() error { return p.stop(context.Background(), syscall.SIGKILL) }

func (c *Cluster) etcdLog() string { return filepath.Join(c.dir, "etcd", "etcd.log") }

// StopEtcd ends etcd, so that no member knows any more who leads.
func (c *Cluster) StopEtcd(ctx context.Context) error { return c.etcd.stop(ctx, syscall.SIGTERM) }

// StartEtcd starts an etcd of one, with what it knew, and waits until it answers.
func (c *Cluster) StartEtcd(ctx context.Context) error {
	dir := filepath.Dir(c.etcdLog())
	if err := c.account.MakeDir(dir); err != nil {
		return err
	}
	clients, peers := fmt.Sprintf("http://%s:%d", host, c.etcdPort), fmt.Sprintf("http://%s:%d", host, c.etcdPeers)
	var err error
	c.etcd, err = c.run(dir, c.etcdLog(), "etcd",
		"--name=lab", "--data-dir="+filepath.Join(dir, "data"), "--log-level=warn",
		"--listen-client-urls="+clients, "--advertise-client-urls="+clients,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=lab="+peers)
	if err != nil {
		return err
	}
	return c.awaitEtcd(ctx, clients+"/health")
}

// awaitEtcd waits until etcd says that it is well.
func (c *Cluster) awaitEtcd(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-c.etcd.Done:
			return errors.New("etcd ended")
		case <-ctx.Done():
			return fmt.Errorf("etcd does not answer: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ports are those that the cluster has claimed.
type ports []net.PacketConn

func (p *ports) claim() (int, error) {
	port, claim, err := pgcluster.ClaimPort()
	if err == nil {
		*p = append(*p, claim)
	}
	return port, err
}

func (p *ports) release() error {
	var errs []error
	for _, claim := range *p {
		errs = append(errs, claim.Close())
	}
	return errors.Join(errs...)
}
