//go:build unix

package demo

import (
	"context"
	"io"
	"os"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// Install finds PostgreSQL's server, if need be after installing it.
func Install(ctx context.Context, out io.Writer) (pgcluster.Installation, error) {
	installation, err := pgcluster.Find("")
	if err != nil && os.Getenv(pgcluster.BinVariable) == "" {
		lab.Say(out, "%v", err)
		lab.Say(out, "Installing PostgreSQL's server from the distribution's packages …")
		if err := pgcluster.Install(ctx, out); err != nil {
			return installation, err
		}
		installation, err = pgcluster.Find("")
	}
	if err == nil {
		lab.Say(out, "PostgreSQL %s in %s", installation.Version, installation.BinDir)
	}
	return installation, err
}
