//go:build unix

package simulate

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// replicationSQL has the form of what postgres_exporter asks of the replication.
const replicationSQL = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE greatest(0, extract(epoch FROM (now() - pg_last_xact_replay_timestamp())::interval)::numeric) END AS lag,
       CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS is_replica,
       greatest(0, extract(epoch FROM (now() - pg_last_xact_replay_timestamp())::interval)::numeric) AS last_replay`

// TestSimpleQueries: what postgres_exporter asks is answered in columns of the types of a real server.
func TestSimpleQueries(t *testing.T) {
	actual, simulated := realPair(t), simulatedPair(t)
	for i := range actual.dsns {
		for _, sql := range []string{"SELECT version();", replicationSQL, ";", "ROLLBACK"} {
			if diff := cmp.Diff(types(t, actual.dsns[i], sql), types(t, simulated.dsns[i], sql)); diff != "" {
				t.Errorf("%s: what a real and a simulated server answer differs:\n%s", sql, diff)
			}
		}
	}
}

// types returns the types of a simple query's columns, how many rows there are, and whether it is a replica.
func types(t *testing.T, dsn, sql string) string {
	t.Helper()
	results, err := connected(t, dsn).Exec(t.Context(), sql).ReadAll()
	must(t, err)
	said := fmt.Sprint(len(results), " results")
	for _, result := range results {
		for _, field := range result.FieldDescriptions {
			said += fmt.Sprint(", type ", field.DataTypeOID)
		}
		said += fmt.Sprint(", ", len(result.Rows), " rows")
		if len(result.Rows) == 1 && len(result.FieldDescriptions) == 3 {
			said += ", replica " + string(result.Rows[0][1])
		}
	}
	return said
}
