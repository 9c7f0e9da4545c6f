//go:build unix

package exporter

import (
	"context"
	"errors"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// OnServers builds the exporter, starts servers for it, does something with
// both, and ends them.
func OnServers(ctx context.Context, options rig.Options, do func(*Program, *rig.Rig) error) (err error) {
	program, err := Build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	servers, err := rig.New(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	return do(program, servers)
}
