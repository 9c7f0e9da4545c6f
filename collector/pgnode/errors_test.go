package pgnode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

func TestDescribe(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		reason probe.Reason
		says   string
	}{
		"read that the replay cancelled": {
			&pgconn.PgError{Severity: "ERROR", Code: "40001", Message: "canceling statement due to conflict with recovery", Detail: "User query might have needed to see row versions that must be removed."},
			probe.ReasonConflict, "recovery (SQLSTATE 40001); DETAIL: User query might have needed to see row versions that must be removed: the replay",
		},
		"deadlock with the replay": {&pgconn.PgError{Code: "40P01"}, probe.ReasonConflict, "hot_standby_feedback"},
		"standby without hot_standby": {
			fmt.Errorf("failed to connect: %w", &pgconn.PgError{
				Severity: "FATAL", Code: "57P03", Message: "the database system is not accepting connections", Detail: "Hot standby mode is disabled.",
			}),
			probe.ReasonStartingUp, "not accepting connections (SQLSTATE 57P03); DETAIL: Hot standby mode is disabled",
		},
		"hint of the server": {&pgconn.PgError{Code: "53400", Hint: "Free\nsome."}, probe.ReasonOther, "; HINT: Free some"},
		"table of before":    {&pgconn.PgError{Code: "42703"}, probe.ReasonMissingTable, "of an earlier version: run `pg_canary_exporter setup` again"},
		"no table":           {&pgconn.PgError{Code: "42P01"}, probe.ReasonMissingTable, "in this database"},
		"cancelled":          {&pgconn.PgError{Code: "57014"}, probe.ReasonTimeout, ""},
		"lock":               {&pgconn.PgError{Code: "55P03"}, probe.ReasonLockTimeout, ""},
		"other cluster":      {errOtherCluster, probe.ReasonForeign, "correct the connection string"},
	} {
		t.Run(name, func(t *testing.T) {
			err := withReason(test.err)
			if got := probe.ReasonOf(err); got != test.reason || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v (%s), want %q (%s)", err, got, test.says, test.reason)
			}
		})
	}
}
