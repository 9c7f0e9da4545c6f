//go:build unix

// Package simulate is PostgreSQL servers that are none: thousands of them in one process,
// each a primary or a replica to an exporter that asks what the exporter asks. They speak
// the wire protocol and know the statements of statements.json, which a test records from
// a real pair; what a canary write leaves behind, and when a replica shows it, is computed.
// Each can be made to hang, to refuse, to go and come back, and to be far away.
package simulate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Role, Database and Section are what the servers are set up for. They ask for no password.
const (
	Role     = "canary"
	Database = "postgres"
	Section  = "default"
)

// Options are which servers there are.
type Options struct {
	// Clusters is how many clusters, and Replicas how many replicas each has beside its primary.
	Clusters, Replicas int
	// Named is what a cluster's name begins with; "" is c.
	Named string
}

// Fleet is clusters of simulated servers.
type Fleet struct {
	Clusters []*Cluster

	counts  counts
	running sync.WaitGroup
}

// Start starts the servers.
func Start(options Options) (*Fleet, error) {
	if err := checkFiles(options.Clusters * (1 + options.Replicas)); err != nil {
		return nil, err
	}
	f := &Fleet{}
	where, err := newAddresses()
	if err != nil {
		return nil, err
	}
	for i := range options.Clusters {
		cluster := newCluster(fmt.Sprintf("%s%04d", orDefault(options.Named, "c"), i+1))
		f.Clusters = append(f.Clusters, cluster)
		for n := range 1 + options.Replicas {
			server := &Server{fleet: f, cluster: cluster, address: where.next(), inRecovery: n > 0, conns: map[*wire]struct{}{}}
			if err := server.Set(Normal); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			cluster.servers = append(cluster.servers, server)
		}
	}
	return f, nil
}

// checkFiles says whether this process may have files enough for so many servers: a listener each, a
// connection, and another one while that is renewed.
func checkFiles(servers int) error {
	const each, others = 3, 200
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if need := uint64(each*servers + others); limit.Cur < need { //nolint:gosec // It is no negative number.
		return fmt.Errorf("%d simulated servers need %d open files, and this process may have %d: raise the limit (ulimit -n)", servers, need, limit.Cur)
	}
	return nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Close ends all servers and waits until they have ended.
func (f *Fleet) Close() error {
	var errs []error
	for _, cluster := range f.Clusters {
		for _, server := range cluster.servers {
			errs = append(errs, server.Set(Gone))
		}
	}
	f.running.Wait()
	return errors.Join(errs...)
}

// addresses hands out one for each server.
//
// Where every address of 127.0.0.0/8 leads to this machine, as on Linux, each server has
// one of its own, and all have the same port: below those that the system gives to clients,
// so that none takes it while the server is gone. A client to it comes from 127.0.0.1, and
// never connects to itself.
type addresses struct {
	network, port int
	used          int
}

const (
	firstPort, ports = 15432, 1000
	perNetwork       = 250
)

func newAddresses() (*addresses, error) {
	if runtime.GOOS != "linux" {
		return &addresses{}, nil
	}
	var errs []error
	for range 100 {
		a := &addresses{
			network: 1 + rand.IntN(253),           //nolint:gosec // Nobody must not guess it.
			port:    firstPort + rand.IntN(ports), //nolint:gosec // As above.
		}
		listener, err := net.Listen("tcp", a.of(0)) //nolint:noctx // It does not wait.
		if err == nil {
			return a, listener.Close()
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no port for the simulated servers: %w", errs[len(errs)-1])
}

// next returns the next server's address; its port is 0 where that is the system's choice.
func (a *addresses) next() string {
	a.used++
	return a.of(a.used)
}

func (a *addresses) of(n int) string {
	if a.network == 0 {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:%d", a.network, 1+n/perNetwork, 1+n%perNetwork, a.port)
}
