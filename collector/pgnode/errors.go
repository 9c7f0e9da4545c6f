package pgnode

import (
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
	errOtherCluster = errors.New("the connection leads to a server of another cluster now")
)

// withReason gives an error its reason and its hint.
func withReason(err error) error { return withReasonAfter(err, "") }

// withReasonAfter is withReason for what follows on a session that the server ended with
// the SQLSTATE ended, "" for none.
func withReasonAfter(err error, ended string) error {
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
	reason := reasonOf(err, ended)
	e := &probe.Error{Reason: reason, Hint: hintFor(reason, err), Err: err}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		e.Err = withDetail(err, refused)
		e.Answered = refused.SeverityUnlocalized == "ERROR" // FATAL ends the session, or refuses it.
	}
	return e
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
