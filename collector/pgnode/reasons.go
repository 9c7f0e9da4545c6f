package pgnode

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// The codes of PostgreSQL's appendix A that more than one place knows.
const (
	classAuth        = "28" // invalid_authorization_specification and what begins so
	invalidCatalog   = "3D000"
	undefinedColumn  = "42703"
	lockNotAvailable = "55P03"
	adminShutdown    = "57P01"
	crashShutdown    = "57P02"
	cannotConnectNow = "57P03"
)

// reasonOf returns the reason of an error, from codes and types and never from words,
// which are a message's in the server's language. ended is the SQLSTATE with which the
// server ended the last session, "" for none.
func reasonOf(err error, ended string) probe.Reason {
	var (
		refused *pgconn.PgError
		dsn     *dsnError
		failed  *connectError
	)
	if errors.As(err, &refused) {
		return sqlstateReason(refused, ended)
	}
	if errors.As(err, &dsn) {
		return dsn.reason
	}
	if errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return probe.ReasonReadOnly
	}
	at := unconnected
	if errors.As(err, &failed) {
		at = failed.phase
	}
	return networkReason(err, at)
}

// sqlstateReason maps the error codes of PostgreSQL's appendix A.
func sqlstateReason(refused *pgconn.PgError, ended string) probe.Reason {
	switch refused.Code {
	case "42501": // insufficient_privilege
		return probe.ReasonPermission
	case "42P01", "3F000", undefinedColumn, invalidCatalog: // undefined_table, invalid_schema_name
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
	case adminShutdown, crashShutdown:
		return probe.ReasonShuttingDown
	case cannotConnectNow:
		// On its way up or down: only the message says which. How the last session ended does
		// too; and a detail has only a server on its way up, which recovers.
		if refused.Detail == "" && (ended == adminShutdown || ended == crashShutdown) {
			return probe.ReasonShuttingDown
		}
		return probe.ReasonStartingUp
	}
	if strings.HasPrefix(refused.Code, classAuth) {
		return probe.ReasonAuth
	}
	return probe.ReasonOther
}

// networkReason maps what the driver and the network say of a connection that came so far.
func networkReason(err error, at phase) probe.Reason {
	var (
		dnsErr *net.DNSError
		opErr  *net.OpError
		netErr net.Error
	)
	switch {
	case errors.As(err, &dnsErr):
		return probe.ReasonDNS
	case errors.Is(err, errStillClosing), errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err),
		errors.As(err, &netErr) && netErr.Timeout():
		return probe.ReasonTimeout
	case errors.Is(err, errOtherCluster):
		return probe.ReasonForeign
	case errors.As(err, &opErr) && (opErr.Op == remoteAlert || opErr.Op == localAlert):
		return probe.ReasonTLS
	case opErr != nil, closedByPeer(err):
		return probe.ReasonConnect
	case at == securing: // A certificate, no TLS at the other end, or not the same versions of it.
		return probe.ReasonTLS
	default:
		return probe.ReasonOther
	}
}

// The operations by which crypto/tls calls an alert that it got, and one that it sent.
const (
	remoteAlert = "remote error"
	localAlert  = "local error"
)

// wrongRole returns the value of target_session_attrs that a server does not fit, ""
// where that is not what is wrong.
func wrongRole(err error) string {
	var notPreferred *pgconn.NotPreferredError
	if errors.As(err, &notPreferred) {
		return "" // It is taken if there is no other.
	}
	for _, role := range []struct {
		err    error
		wanted string
	}{
		{pgconn.ErrReadOnlyConnection, "read-write"},
		{pgconn.ErrReadWriteConnection, "read-only"},
		{pgconn.ErrStandbyConnection, "primary"},
		{pgconn.ErrPrimaryConnection, "standby"},
	} {
		if errors.Is(err, role.err) {
			return role.wanted
		}
	}
	return ""
}
