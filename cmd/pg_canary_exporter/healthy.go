package main

import (
	"context"
	"errors"

	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// healthy asks the exporter on this host for /-/healthy: an image without a
// shell has no other way.
func healthy(ctx context.Context, o *options) error {
	err := server.Healthy(ctx, o.web)
	var unhealthy *server.UnhealthyError
	if errors.As(err, &unhealthy) {
		return &statusError{1, err}
	}
	return err
}
