package pgnode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

var (
	errStillClosing = errors.New("two connections that hung are still being closed")
	errOtherCluster = errors.New("the connection broke, and the new one reached a server of another cluster")
)

// hints are the next steps for those reasons whose message alone does not say.
var hints = map[probe.Reason]string{
	probe.ReasonConnect:            "is PostgreSQL running there, and is the port open for this host?",
	probe.ReasonDNS:                "correct the host in the connection string, or fix the name resolution",
	probe.ReasonTLS:                "compare sslmode and the certificates in the connection string with the server's ssl settings",
	probe.ReasonAuth:               "compare user and password in the connection string with those that setup created, and check the server's pg_hba.conf",
	probe.ReasonPermission:         "run `pg_canary_exporter setup` with an administrator's --primary.dsn to grant what is missing",
	probe.ReasonMissingTable:       "run `pg_canary_exporter setup` with an administrator's --primary.dsn, in this database",
	probe.ReasonReadOnly:           "the node is a replica, or default_transaction_read_only is on",
	probe.ReasonLockTimeout:        "another session holds a lock on the canary section; pg_locks on the primary shows which",
	probe.ReasonTimeout:            "the node did not answer in time; it hangs, is overloaded, or packets are lost",
	probe.ReasonTooManyConnections: "raise max_connections or the role's CONNECTION LIMIT, or close idle sessions",
	probe.ReasonDiskFull:           "free space on the server's disk",
	probe.ReasonPooler: "the pooler between exporter and server refused or lost the connection, and its own log says why; " +
		"docs/between.md says what a pooler needs",
	probe.ReasonNotWritten: "a trigger or rule on canary.section prevents the write; `pg_canary_exporter setup` names it",
	probe.ReasonSyncWait: "the commit waits for a synchronous standby that is missing or behind, as every application's does; " +
		"pg_stat_replication on the primary shows which ones are there",
	probe.ReasonConflict: "the replay cancelled the read; hot_standby_feedback = on or a longer max_standby_streaming_delay " +
		"on the replica prevents that, and the next read may pass",
	probe.ReasonForeign: "correct the connection string, or give the cluster's own name (--cluster.name)",
}

// oldTableHint is the next step where the table lacks a column.
const oldTableHint = "the table is of an earlier version: run `pg_canary_exporter setup` again with an administrator's --primary.dsn"

// withReason gives an error its reason and its hint.
func withReason(err error) error {
	if err == nil {
		return nil
	}
	var known *probe.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, errSyncWait) {
		return &probe.Error{Reason: probe.ReasonSyncWait, Hint: hints[probe.ReasonSyncWait], Answered: true, Err: err}
	}
	if errors.Is(err, probe.ErrConnecting) {
		return err // Nothing has failed.
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		reason := networkReason(err)
		return &probe.Error{Reason: reason, Hint: hints[reason], Err: err}
	}
	reason := sqlstateReason(pgErr)
	hint := hints[reason]
	if pgErr.Code == undefinedColumn {
		hint = oldTableHint
	}
	return &probe.Error{
		Reason: reason, Hint: hint, Err: withDetail(err, pgErr),
		Answered: pgErr.SeverityUnlocalized == "ERROR", // FATAL ends the session, or refuses it.
	}
}

// withDetail adds what else the server says, which the driver leaves out: that
// hot_standby is off, say, is only in the detail.
func withDetail(err error, said *pgconn.PgError) error {
	for _, more := range []struct{ name, text string }{{"DETAIL", said.Detail}, {"HINT", said.Hint}} {
		if text := strings.TrimSuffix(strings.Join(strings.Fields(more.text), " "), "."); text != "" {
			err = fmt.Errorf("%w; %s: %s", err, more.name, text)
		}
	}
	return err
}

const (
	undefinedColumn  = "42703"
	lockNotAvailable = "55P03"
)

// sqlstateReason maps the error codes of PostgreSQL's appendix A.
func sqlstateReason(err *pgconn.PgError) probe.Reason {
	switch err.Code {
	case "42501": // insufficient_privilege
		return probe.ReasonPermission
	case "42P01", "3F000", undefinedColumn: // undefined_table, invalid_schema_name
		return probe.ReasonMissingTable
	case "25006": // read_only_sql_transaction
		return probe.ReasonReadOnly
	case lockNotAvailable:
		return probe.ReasonLockTimeout
	case "57014": // query_canceled: statement_timeout or a user's cancel
		return probe.ReasonTimeout
	case "40001", "40P01": // serialization_failure, deadlock_detected: with the replay, on a replica
		return probe.ReasonConflict
	case "53300": // too_many_connections
		return probe.ReasonTooManyConnections
	case "53100": // disk_full
		return probe.ReasonDiskFull
	case "08P01", "26000", "42P05": // protocol_violation, which poolers answer with; statements that another session made
		return probe.ReasonPooler
	case "57P01", "57P02": // admin_shutdown, crash_shutdown
		return probe.ReasonShuttingDown
	case "57P03": // cannot_connect_now
		if strings.Contains(err.Message, "shutting down") {
			return probe.ReasonShuttingDown
		}
		return probe.ReasonStartingUp
	}
	if strings.HasPrefix(err.Code, "28") { // invalid_authorization_specification
		if strings.Contains(err.Message, "no encryption") || strings.Contains(err.Message, "SSL off") {
			return probe.ReasonTLS
		}
		return probe.ReasonAuth
	}
	return probe.ReasonOther
}

// networkReason maps what the driver and the network say.
func networkReason(err error) probe.Reason {
	var (
		dnsErr      *net.DNSError
		certErr     *tls.CertificateVerificationError
		recordErr   tls.RecordHeaderError
		alertErr    tls.AlertError
		hostnameErr x509.HostnameError
		opErr       *net.OpError
		netErr      net.Error
	)
	switch {
	case errors.As(err, &dnsErr):
		return probe.ReasonDNS
	case errors.As(err, &certErr), errors.As(err, &recordErr), errors.As(err, &alertErr),
		errors.As(err, &hostnameErr), strings.Contains(err.Error(), "refused TLS"):
		return probe.ReasonTLS
	case errors.Is(err, errStillClosing), errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err),
		errors.As(err, &netErr) && netErr.Timeout():
		return probe.ReasonTimeout
	case errors.Is(err, errOtherCluster):
		return probe.ReasonForeign
	case errors.As(err, &opErr), closedByPeer(err):
		return probe.ReasonConnect
	default:
		return probe.ReasonOther
	}
}

// startupRefusals are the codes with which poolers refuse a startup parameter.
var startupRefusals = []string{
	"08P01", // protocol_violation: PgBouncer
	"0A000", // feature_not_supported
	"42704", // undefined_object: an unknown setting
}

// sharedSession are the codes that show a prepared statement of this session in
// another one, or the other way round: a pooler that passes for the server.
var sharedSession = []string{
	"26000", // invalid_sql_statement_name
	"42P05", // duplicate_prepared_statement
}

// codeOf returns the SQLSTATE of a server's error, "" for any other.
func codeOf(err error) string {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return ""
	}
	return pgErr.Code
}

// hasCode says whether one of the errors that err wraps, of however many
// attempts to connect, is the server's with one of the codes.
func hasCode(err error, codes ...string) bool {
	switch wrapped := err.(type) { //nolint:errorlint // It walks the tree itself.
	case nil:
		return false
	case *pgconn.PgError:
		return slices.Contains(codes, wrapped.Code)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapped.Unwrap(), func(err error) bool { return hasCode(err, codes...) })
	default:
		return hasCode(errors.Unwrap(err), codes...)
	}
}

// notOffered says whether the server lacks a function, or keeps it from the role.
func notOffered(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	switch pgErr.Code {
	case "42883", "42501", "0A000", "42P01", "42704": // undefined_function … undefined_object
		return true
	}
	return false
}

// closedByPeer says whether the server ended the connection in the middle.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed)
}
