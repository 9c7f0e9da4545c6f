//go:build unix

// Package load writes to a primary: steadily, as an application does, or as
// heavily as it takes to make replicas lag.
package load

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// heavySQL is one heavy transaction. Its random key makes each row touch another
// page of the index, which costs the one process that replays more than the many
// that write.
const (
	heavyTable    = "CREATE TABLE IF NOT EXISTS load (key uuid PRIMARY KEY, filler text)"
	heavySQL      = "INSERT INTO load SELECT gen_random_uuid(), repeat('x', 500) FROM generate_series(1, 5000)"
	heavySessions = 4
)

// Heavily writes as much as it can until ctx ends.
func Heavily(ctx context.Context, primary *pgcluster.Server) error {
	if err := primary.Exec(ctx, heavyTable); err != nil {
		return lab.Ended(ctx, err)
	}
	sessions, bounded := errgroup.WithContext(ctx)
	for range heavySessions {
		sessions.Go(func() error {
			for bounded.Err() == nil {
				if err := primary.Exec(bounded, heavySQL); err != nil {
					return lab.Ended(bounded, err)
				}
			}
			return nil
		})
	}
	return sessions.Wait()
}

// Forget removes what Heavily wrote, if there is any: a primary that took over may
// never have got it.
func Forget(ctx context.Context, primary *pgcluster.Server) error {
	return primary.Exec(ctx, "DROP TABLE IF EXISTS load")
}
