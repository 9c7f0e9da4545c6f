package pgnode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// hints are the next steps for those reasons whose message alone does not say.
var hints = map[probe.Reason]string{
	probe.ReasonConnect:            "is PostgreSQL running there, and is the port open for this host?",
	probe.ReasonDNS:                "correct the host in the connection string, or fix the name resolution",
	probe.ReasonTLS:                "compare sslmode and the certificates in the connection string with the server's ssl settings",
	probe.ReasonPermission:         "run `pg_canary_exporter setup` with an administrator's --primary.dsn to grant what is missing",
	probe.ReasonMissingTable:       "run `pg_canary_exporter setup` with an administrator's --primary.dsn, in this database",
	probe.ReasonReadOnly:           "the node is a replica, or default_transaction_read_only is on",
	probe.ReasonLockTimeout:        "another session holds a lock on the canary section; pg_locks on the primary shows which",
	probe.ReasonTimeout:            "the node did not answer in time; it hangs, is overloaded, or packets are lost",
	probe.ReasonTooManyConnections: "raise max_connections or the role's CONNECTION LIMIT, or close idle sessions",
	probe.ReasonStartingUp:         "the server is starting, recovering or shutting down",
	probe.ReasonShuttingDown:       "the server is shutting down or restarting, or an administrator ended the session",
	probe.ReasonDiskFull:           "free space on the server's disk",
	probe.ReasonPooler: "the pooler between exporter and server refused or lost the connection, and its own log says why; " +
		"docs/between.md says what a pooler needs",
	probe.ReasonNotWritten: "a trigger or rule on canary.section prevents the write; `pg_canary_exporter setup` names it",
	probe.ReasonSyncWait: "the commit waits for a synchronous standby that is missing or behind, as every application's does; " +
		"pg_stat_replication on the primary shows which ones are there",
	probe.ReasonConflict: "the replay cancelled the read; hot_standby_feedback = on or a longer max_standby_streaming_delay " +
		"on the replica prevents that, and the next read may pass",
	probe.ReasonForeign: "correct the connection string, or give the cluster's own name (--cluster.name, or name in a configuration file)",
}

const (
	// oldTableHint is the next step where the table lacks a column.
	oldTableHint = "the table is of an earlier version: run `pg_canary_exporter setup` again with an administrator's --primary.dsn"
	// noDatabaseHint is the next step where the database is missing.
	noDatabaseHint = "correct dbname in the connection string, or create the database and run `pg_canary_exporter setup` in it"
)

// hintFor returns the next step for an error with a reason.
func hintFor(reason probe.Reason, err error) string {
	var (
		refused *pgconn.PgError
		failed  *connectError
		dsn     *dsnError
	)
	if errors.As(err, &dsn) {
		return dsn.hint
	}
	if wanted := wrongRole(err); wanted != "" {
		return roleHint(wanted)
	}
	if errors.As(err, &refused) {
		switch refused.Code {
		case undefinedColumn:
			return oldTableHint
		case invalidCatalog:
			return noDatabaseHint
		}
	}
	if reason == probe.ReasonAuth {
		if !errors.As(err, &failed) {
			failed = &connectError{}
		}
		return failed.authHint()
	}
	return hints[reason]
}

// roleHint is the next step where no server has the role that target_session_attrs wants.
func roleHint(wanted string) string {
	is := "is a standby, or default_transaction_read_only is on there"
	if wanted == "standby" || wanted == "read-only" {
		is = "takes writes"
	}
	return fmt.Sprintf("target_session_attrs=%s, and no server that the connection string leads to has that role: one that answers %s", wanted, is)
}

// authHint is the next step after the server took the role or its password for wrong.
func (e *connectError) authHint() string {
	var said []string
	switch {
	case e.noPassword && e.passfile != "":
		said = append(said, "no password was found: there is none in the connection string, and "+e.passfile)
	case e.noPassword:
		said = append(said, "no password was found: there is none in the connection string")
	case e.passwordFile:
		said = append(said, "compare the user in the connection string and the password in the password file with those that setup created")
	default:
		said = append(said, "compare user and password in the connection string with those that setup created")
	}
	if e.encryption == withoutEncryption {
		said = append(said, "or the server's pg_hba.conf has no line that admits the role without encryption, and sslmode=require helps")
	} else {
		said = append(said, "and check the server's pg_hba.conf")
	}
	return strings.Join(said, ", ")
}
