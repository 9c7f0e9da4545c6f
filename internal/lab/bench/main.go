//go:build unix

// Command bench compares a scrape with its floor, the same statements on bare
// connections, on a pair of servers that it starts: all in one run and in
// turn, so that a noisy machine is noisy for all of them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

const (
	role     = "canary"
	password = "bench"
)

func main() {
	app := kingpin.New("bench", "Compares a scrape with its floor.")
	rounds := app.Flag("rounds", "How often each is measured.").Default("2000").Int()
	replicas := app.Flag("replicas", "Replicas of the second table.").Default("8").Int()
	scrapes := app.Flag("scrapes", "Scrapes of the healthy pair in which alarms are counted.").Default("10000").Int()
	serve := app.Flag("serve", "Serve the nodes of these connection strings: what bench starts to be measured.").Hidden().Strings()
	kingpin.MustParse(app.Parse(os.Args[1:]))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if len(*serve) > 0 {
		err = serveNodes(ctx, *serve)
	} else {
		err = run(ctx, os.Stdout, *rounds, *replicas, *scrapes)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, rounds, replicas, scrapes int) (err error) {
	servers, err := pgcluster.New(ctx, pgcluster.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := servers.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := (pgnode.Setup{Role: role, Password: password}).Run(ctx, servers.Primary().SuperDSN()); err != nil {
		return err
	}
	if _, err := servers.AddReplica(ctx, pgcluster.ReplicaOptions{}); err != nil {
		return err
	}
	if err := comparePair(ctx, out, dsns(servers), rounds); err != nil {
		return err
	}
	if err := countAlarms(ctx, out, dsns(servers), scrapes); err != nil {
		return err
	}
	one, err := firstReads(ctx, dsns(servers), rounds/4)
	if err != nil {
		return err
	}
	for len(servers.Replicas()) < replicas {
		if _, err := servers.AddReplica(ctx, pgcluster.ReplicaOptions{}); err != nil {
			return err
		}
	}
	many, err := firstReads(ctx, dsns(servers), rounds/4)
	if err != nil {
		return err
	}
	return printReplicas(out, replicas, one, many)
}

func dsns(servers *pgcluster.Cluster) []string {
	list := []string{servers.Primary().DSN(role, password, "postgres")}
	for _, replica := range servers.Replicas() {
		list = append(list, replica.DSN(role, password, "postgres"))
	}
	return list
}

// newCluster returns a cluster with the exporter's own defaults.
func newCluster(dsns []string) (*probe.Cluster, error) {
	var nodes []probe.Node
	for _, dsn := range dsns {
		node, err := pgnode.New(dsn, pgnode.Options{
			Section: "default", SynchronousCommit: "local", StatementTimeout: 5 * time.Second,
		})
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return probe.New(probe.Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}, nodes...), nil
}
