//go:build unix

// Package pgtest gives tests and benchmarks a PostgreSQL cluster of their own.
package pgtest

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster"
)

// New starts a primary, which ends with the test. A test that failed shows the
// servers' logs; one without PostgreSQL fails and says how to get it.
func New(t testing.TB, options pgcluster.Options) *pgcluster.Cluster {
	t.Helper()
	if options.Installation.BinDir == "" {
		installation, err := pgcluster.Find("")
		if err != nil {
			t.Fatalf("%v; `make postgres` installs it", err)
		}
		options.Installation = installation
	}
	cluster, err := pgcluster.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(cluster.Logs())
		}
		if err := cluster.Close(); err != nil {
			t.Errorf("closing the cluster: %v", err)
		}
	})
	return cluster
}
