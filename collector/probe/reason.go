package probe

import "errors"

// Reason says in one word why an operation on a node failed. The list is fixed,
// because it is a metric's label.
type Reason string

// The reasons. Package pgnode derives them from SQLSTATEs and network errors.
const (
	ReasonConnect            Reason = "connect"
	ReasonDNS                Reason = "dns"
	ReasonTLS                Reason = "tls"
	ReasonAuth               Reason = "auth"
	ReasonPermission         Reason = "permission"
	ReasonMissingTable       Reason = "missing_table"
	ReasonReadOnly           Reason = "read_only"
	ReasonLockTimeout        Reason = "lock_timeout"
	ReasonTimeout            Reason = "timeout"
	ReasonSyncWait           Reason = "sync_wait"
	ReasonConflict           Reason = "conflict"
	ReasonTooManyConnections Reason = "too_many_connections"
	ReasonStartingUp         Reason = "starting_up"
	ReasonShuttingDown       Reason = "shutting_down"
	ReasonDiskFull           Reason = "disk_full"
	ReasonPooler             Reason = "pooler"
	ReasonNotWritten         Reason = "not_written"
	ReasonForeign            Reason = "foreign"
	ReasonOther              Reason = "other"
)

// Reasons returns every reason.
func Reasons() []Reason {
	return []Reason{
		ReasonConnect, ReasonDNS, ReasonTLS, ReasonAuth, ReasonPermission, ReasonMissingTable, ReasonReadOnly,
		ReasonLockTimeout, ReasonTimeout, ReasonSyncWait, ReasonConflict, ReasonTooManyConnections, ReasonStartingUp,
		ReasonShuttingDown, ReasonDiskFull, ReasonPooler, ReasonNotWritten, ReasonForeign, ReasonOther,
	}
}

// Error is a failed operation on a node. It never contains a password.
type Error struct {
	Reason Reason
	// Hint is the next step for whoever has to mend it; may be empty.
	Hint string
	// Answered is true when the server itself refused a statement, over a
	// connection that is still good.
	Answered bool
	Err      error
}

// Error joins the cause and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Hint
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the reason that an error of a [Node] carries.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ReasonOther
}

// answered says whether an error is a server's answer to a statement.
func answered(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Answered
}

// mayPass says whether an operation that failed so may succeed when it is made
// again at once, over the same connection.
func mayPass(err error) bool {
	switch ReasonOf(err) {
	case ReasonConflict, ReasonTimeout, ReasonLockTimeout:
		return answered(err)
	default:
		return false
	}
}
