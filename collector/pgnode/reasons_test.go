package pgnode

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

func TestSQLStateReason(t *testing.T) {
	for _, test := range []struct {
		code, ended string
		want        probe.Reason
		detail      string
	}{
		{"28P01", "", probe.ReasonAuth, ""},
		{"28000", "", probe.ReasonAuth, ""},
		{"3D000", "", probe.ReasonMissingTable, ""},
		{"57P03", "", probe.ReasonStartingUp, ""},
		{"57P03", "40001", probe.ReasonStartingUp, ""},
		{"57P03", "57P01", probe.ReasonShuttingDown, ""},
		{"57P03", "57P02", probe.ReasonShuttingDown, ""},
		{"57P03", "57P01", probe.ReasonStartingUp, "Consistent recovery state has not been yet reached."},
		{"57P01", "", probe.ReasonShuttingDown, ""},
		{"57P05", "", probe.ReasonOther, ""},
		{"08P01", "", probe.ReasonPooler, ""},
		{"53100", "", probe.ReasonDiskFull, ""},
		{"", "", probe.ReasonOther, ""},
	} {
		if got := sqlstateReason(&pgconn.PgError{Code: test.code, Detail: test.detail}, test.ended); got != test.want {
			t.Errorf("%s after %q: %s, want %s", test.code, test.ended, got, test.want)
		}
	}
}

func TestNetworkReason(t *testing.T) {
	on := func(op string, err error) error {
		return fmt.Errorf("wrapped: %w", &net.OpError{Op: op, Net: "tcp", Err: err})
	}
	reset := on("read", os.NewSyscallError("read", syscall.ECONNRESET))
	for name, test := range map[string]struct {
		err  error
		at   phase
		want probe.Reason
	}{
		"name":                             {&net.DNSError{}, unconnected, probe.ReasonDNS},
		"refused":                          {on("dial", syscall.ECONNREFUSED), unconnected, probe.ReasonConnect},
		"reset before TLS":                 {reset, securing, probe.ReasonConnect},
		"end before TLS":                   {io.EOF, securing, probe.ReasonConnect},
		"end in the middle of it":          {io.ErrUnexpectedEOF, securing, probe.ReasonConnect},
		"time-out before TLS":              {on("read", os.ErrDeadlineExceeded), securing, probe.ReasonTimeout},
		"deadline before TLS":              {context.DeadlineExceeded, securing, probe.ReasonTimeout},
		"refused TLS":                      {errors.New("any words"), securing, probe.ReasonTLS},
		"certificate":                      {x509.UnknownAuthorityError{}, securing, probe.ReasonTLS},
		"alert in the handshake":           {on(remoteAlert, errors.New("x")), securing, probe.ReasonTLS},
		"alert after it":                   {on(remoteAlert, errors.New("x")), talking, probe.ReasonTLS},
		"own alert":                        {on(localAlert, errors.New("x")), talking, probe.ReasonTLS},
		"reset":                            {reset, talking, probe.ReasonConnect},
		"another protocol":                 {errors.New("server refused TLS connection"), talking, probe.ReasonOther},
		"connections that are still there": {errStillClosing, unconnected, probe.ReasonTimeout},
		"keepalives without an answer":     {on("read", syscall.ETIMEDOUT), talking, probe.ReasonTimeout},
	} {
		if got := networkReason(test.err, test.at); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestAttemptThatCounts(t *testing.T) {
	refused := func(code string) error { return fmt.Errorf("x: %w", &pgconn.PgError{Code: code}) }
	standby := fmt.Errorf("x: %w", pgconn.ErrStandbyConnection)
	for name, test := range map[string]struct {
		errs []error
		want int
	}{
		"one":                        {[]error{io.EOF}, 0},
		"the last":                   {[]error{io.EOF, io.EOF}, 1},
		"a server's":                 {[]error{refused("28000"), io.EOF}, 0},
		"the last of servers":        {[]error{refused("28000"), refused("57P03"), io.EOF}, 1},
		"the wrong role":             {[]error{standby, io.EOF}, 0},
		"the wrong role, turned":     {[]error{io.EOF, standby}, 1},
		"an error before a role":     {[]error{refused("57P03"), standby}, 0},
		"one that is only not liked": {[]error{new(pgconn.NotPreferredError), io.EOF}, 1},
	} {
		if got := thatCounts(test.errs); got != test.want {
			t.Errorf("%s: number %d, want %d", name, got, test.want)
		}
	}
}

func TestHintOfARefusal(t *testing.T) {
	refusal := &pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "no"}
	for name, test := range map[string]struct {
		err  connectError
		want string
	}{
		"encrypted":          {connectError{encryption: withEncryption}, "those that setup created, and check the server's pg_hba.conf"},
		"not encrypted":      {connectError{encryption: withoutEncryption}, "that admits the role without encryption, and sslmode=require helps"},
		"no password":        {connectError{noPassword: true}, "no password was found: there is none in the connection string, and check"},
		"no passfile":        {connectError{noPassword: true, passfile: "the passfile /x does not exist"}, "in the connection string, and the passfile /x does not exist, and"},
		"neither, encrypted": {connectError{noPassword: true, encryption: withoutEncryption}, "none in the connection string, or the server's pg_hba.conf"},
	} {
		test.err.err = refusal
		err := withReason(&test.err)
		if probe.ReasonOf(err) != probe.ReasonAuth || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestHintOfARole(t *testing.T) {
	for err, want := range map[error]struct {
		reason probe.Reason
		says   string
	}{
		pgconn.ErrReadOnlyConnection:  {probe.ReasonReadOnly, "target_session_attrs=read-write, and no server"},
		pgconn.ErrStandbyConnection:   {probe.ReasonReadOnly, "target_session_attrs=primary, and no server"},
		pgconn.ErrReadWriteConnection: {probe.ReasonOther, "target_session_attrs=read-only, and no server"},
		pgconn.ErrPrimaryConnection:   {probe.ReasonOther, "one that answers takes writes"},
	} {
		got := withReason(&connectError{err: err, phase: talking})
		if probe.ReasonOf(got) != want.reason || !strings.Contains(got.Error(), want.says) {
			t.Errorf("%v (%s), want %q (%s)", got, probe.ReasonOf(got), want.says, want.reason)
		}
	}
}
