package pgnode

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// lockTimeout keeps a canary write from queuing behind a lock: a second is
	// long for the update of one row, and short for a scrape.
	lockTimeout = time.Second
	// searchPath keeps functions, operators and tables of other users from being
	// picked up in place of PostgreSQL's own.
	searchPath = "pg_catalog, pg_temp"
)

// withSettings returns a copy of a configuration that asks for the settings of an
// exporter's session when it connects. As startup parameters they belong to the
// connection: nothing has to be set in it, and so nothing can be left in it.
//
// The keepalives let a server that lost its network drop the connection. A
// standby refuses sessions that default to serializable transactions.
func withSettings(config *pgconn.Config, opts Options) *pgconn.Config {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, map[string]string{
		"search_path":                   searchPath,
		"lock_timeout":                  milliseconds(lockTimeout),
		"statement_timeout":             milliseconds(opts.StatementTimeout),
		"default_transaction_isolation": "read committed",
		"client_encoding":               "UTF8",
		"tcp_keepalives_idle":           "30",
		"tcp_keepalives_interval":       "10",
		"tcp_keepalives_count":          "3",
	})
	if opts.SynchronousCommit != "" {
		config.RuntimeParams["synchronous_commit"] = opts.SynchronousCommit
	}
	return config
}

// withoutSettings returns a copy of a configuration that asks for no setting but
// the one that poolers keep for each client.
func withoutSettings(config *pgconn.Config) *pgconn.Config {
	config = config.Copy()
	config.RuntimeParams = map[string]string{"application_name": config.RuntimeParams["application_name"]}
	return config
}

const (
	beginReadOnly  = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
	beginReadWrite = "BEGIN ISOLATION LEVEL READ COMMITTED"
	commit         = "COMMIT"
	rollback       = "ROLLBACK"
)

// localSettings sets the same as withSettings for the running transaction alone.
func localSettings(opts Options) query {
	local := func(name, value string) string {
		return fmt.Sprintf("pg_catalog.set_config('%s', '%s', true)", name, value)
	}
	settings := []string{
		local("search_path", searchPath),
		local("lock_timeout", milliseconds(lockTimeout)),
		local("statement_timeout", milliseconds(opts.StatementTimeout)),
	}
	if opts.SynchronousCommit != "" {
		settings = append(settings, local("synchronous_commit", opts.SynchronousCommit))
	}
	return query{sql: "SELECT " + strings.Join(settings, ", ")}
}

// milliseconds writes a duration as the settings take it, never as 0, which
// would mean no limit.
func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }
