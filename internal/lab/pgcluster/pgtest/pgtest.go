//go:build unix

// Package pgtest gives tests real PostgreSQL clusters.
package pgtest

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

const logTail = 4000

// memoryDir is a file system in memory if there is one with room for several
// clusters: some disks take a millisecond for each of a cluster's 2000 files.
func memoryDir() string {
	const dir, room = "/dev/shm", 2 << 30
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil || stat.Bavail*uint64(stat.Bsize) < room {
		return ""
	}
	return dir
}

// New starts a cluster that is closed at the end of the test, which shows the
// end of every server's log if it failed. Without PostgreSQL the test fails.
func New(t testing.TB, options pgcluster.Options) *pgcluster.Cluster {
	t.Helper()
	if options.Installation.BinDir == "" {
		found, err := pgcluster.Find("")
		if err != nil {
			t.Fatal(err)
		}
		options.Installation = found
	}
	if options.Dir == "" {
		options.Dir = memoryDir()
	}
	cluster, err := pgcluster.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, server := range cluster.Servers() {
				t.Logf("log of %s ends with:\n%s", server.Name, server.LogTail(logTail))
			}
		}
		if err := cluster.Close(); err != nil {
			t.Errorf("close the cluster: %v", err)
		}
	})
	return cluster
}

// NewPair starts a primary and one replica.
func NewPair(t testing.TB, options pgcluster.Options) (cluster *pgcluster.Cluster, primary, replica *pgcluster.Server) {
	t.Helper()
	cluster = New(t, options)
	replica, err := cluster.AddReplica(t.Context(), pgcluster.ReplicaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return cluster, cluster.Primary(), replica
}
