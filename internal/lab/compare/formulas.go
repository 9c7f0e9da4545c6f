//go:build unix

package compare

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// formula is a query for lag as other exporters make it. No row and NULL are
// both an answer that says nothing.
type formula struct {
	heading   string
	onPrimary bool
	sql       string
}

// formulas are taken from the sources that docs/comparison.md names.
var formulas = []formula{
	{
		heading: "receive = replay → 0",
		sql: `SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END::float8`,
	},
	{
		heading: "now() - replay timestamp",
		sql:     `SELECT greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))::float8`,
	},
	{
		heading: "replay_lag", onPrimary: true,
		sql: `SELECT coalesce(extract(epoch FROM replay_lag), 0)::float8 FROM pg_stat_replication`,
	},
	{
		heading: "current - replay_lsn", onPrimary: true,
		sql: `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 FROM pg_stat_replication`,
	},
	{
		heading: "receive - replay",
		sql:     `SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8`,
	},
}

// ask returns the formula's answer, nil when there is none.
func (f formula) ask(ctx context.Context, primary, replica *pgx.Conn) (*float64, error) {
	conn := replica
	if f.onPrimary {
		conn = primary
	}
	rows, err := conn.Query(ctx, f.sql)
	if err != nil {
		return nil, err
	}
	answers, err := pgx.CollectRows(rows, pgx.RowTo[*float64])
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	return answers[0], nil
}
