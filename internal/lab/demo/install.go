//go:build unix

package demo

import (
	"context"
	"io"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// findOrInstall finds PostgreSQL's server, if need be after installing it.
func findOrInstall(ctx context.Context, out io.Writer) (pgcluster.Installation, error) {
	if err := install.Ensure(ctx, out, "postgres"); err != nil {
		return pgcluster.Installation{}, err
	}
	return pgcluster.Find("")
}
