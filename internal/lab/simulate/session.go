//go:build unix

package simulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgproto3"
)

// session is one connection from its start to its end.
type session struct {
	server  *Server
	wire    *wire
	backend *pgproto3.Backend
	pid     uint32
	// searchPath is the setting of that name, as the client asked for it.
	searchPath string

	prepared []named
	// bound is the statement of the unnamed portal, with its parameters.
	bound  *statement
	params [][]byte
	// failed is true after an error, up to the next sync.
	failed bool
}

type named struct {
	name      string
	statement *statement
}

// lastPID is that of the newest session of all servers.
var lastPID atomic.Uint32

func newSession(server *Server, w *wire) *session {
	return &session{server: server, wire: w, backend: pgproto3.NewBackend(w, w)}
}

// serve answers until the connection ends.
func (s *session) serve() {
	if !s.start() {
		return
	}
	for {
		message, err := s.backend.Receive()
		if err != nil || !s.take(message) {
			return
		}
	}
}

// start goes through the start of a connection; false where that is its end, too.
func (s *session) start() bool {
	for {
		message, err := s.backend.ReceiveStartupMessage()
		if err != nil {
			return false
		}
		switch message := message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := s.wire.Write([]byte{'N'}); err != nil {
				return false
			}
		case *pgproto3.StartupMessage:
			return s.welcome(message.Parameters) == nil
		default: // A cancel request: nothing runs long enough for it.
			return false
		}
	}
}

func (s *session) welcome(parameters map[string]string) error {
	s.pid = lastPID.Add(1)
	s.searchPath = orDefault(parameters["search_path"], `"$user", public`)
	s.backend.Send(&pgproto3.AuthenticationOk{})
	inRecovery := "off"
	if s.server.inRecovery {
		inRecovery = "on"
	}
	for _, status := range [][2]string{
		{"application_name", parameters["application_name"]},
		{"client_encoding", "UTF8"},
		{"DateStyle", "ISO, MDY"},
		{"in_hot_standby", inRecovery},
		{"integer_datetimes", "on"},
		{"server_encoding", "UTF8"},
		{"server_version", serverVersion},
		{"standard_conforming_strings", "on"},
		{"TimeZone", "UTC"},
	} {
		s.backend.Send(&pgproto3.ParameterStatus{Name: status[0], Value: status[1]})
	}
	s.backend.Send(&pgproto3.BackendKeyData{ProcessID: s.pid, SecretKey: binary.BigEndian.AppendUint32(nil, s.pid)})
	return s.ready()
}

// ready ends a transaction.
func (s *session) ready() error {
	s.failed = false
	s.backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return s.backend.Flush()
}

// take answers a message; false where the connection is to end.
func (s *session) take(message pgproto3.FrontendMessage) bool {
	switch message := message.(type) {
	case *pgproto3.Terminate:
		return false
	case *pgproto3.Sync:
		return s.ready() == nil
	case *pgproto3.Query:
		s.fail(s.simple(message.String))
		return s.ready() == nil
	case *pgproto3.Flush:
		return s.backend.Flush() == nil
	}
	if !s.failed {
		s.fail(s.step(message))
	}
	return true
}

// step answers one message of the extended protocol. The error is for the client.
func (s *session) step(message pgproto3.FrontendMessage) error {
	switch message := message.(type) {
	case *pgproto3.Parse:
		return s.parse(message)
	case *pgproto3.Bind:
		return s.bind(message)
	case *pgproto3.Describe:
		return s.describe(message)
	case *pgproto3.Execute:
		return s.execute()
	case *pgproto3.Close:
		s.backend.Send(&pgproto3.CloseComplete{})
		return nil
	default:
		return refuse("0A000", "a simulated server does not take a %T", message)
	}
}

func (s *session) parse(message *pgproto3.Parse) error {
	found := known[message.Query]
	if found == nil {
		return s.unknown(message.Query)
	}
	at := s.find(message.Name)
	if at < 0 {
		s.prepared, at = append(s.prepared, named{name: message.Name}), len(s.prepared)
	}
	s.prepared[at].statement = found
	s.backend.Send(&pgproto3.ParseComplete{})
	return nil
}

// find returns which of the prepared statements has a name, -1 for none.
func (s *session) find(name string) int {
	for i := range s.prepared {
		if s.prepared[i].name == name {
			return i
		}
	}
	return -1
}

func (s *session) bind(message *pgproto3.Bind) error {
	at := s.find(message.PreparedStatement)
	if at < 0 {
		return refuse("26000", "there is no prepared statement %q", message.PreparedStatement)
	}
	for _, formats := range [][]int16{message.ParameterFormatCodes, message.ResultFormatCodes} {
		for _, format := range formats {
			if format != pgproto3.BinaryFormat {
				return refuse("0A000", "a simulated server speaks binary alone")
			}
		}
	}
	s.bound, s.params = s.prepared[at].statement, s.params[:0]
	for _, param := range message.Parameters { // The message is valid until the next one.
		s.params = append(s.params, append([]byte(nil), param...))
	}
	s.backend.Send(&pgproto3.BindComplete{})
	return nil
}

func (s *session) describe(message *pgproto3.Describe) error {
	if message.ObjectType == 'P' {
		if s.bound == nil {
			return refuse("34000", "there is no portal")
		}
		s.backend.Send(s.bound.description(pgproto3.BinaryFormat))
		return nil
	}
	at := s.find(message.Name)
	if at < 0 {
		return refuse("26000", "there is no prepared statement %q", message.Name)
	}
	described := s.prepared[at].statement
	s.backend.Send(&pgproto3.ParameterDescription{ParameterOIDs: described.Parameters})
	s.backend.Send(described.description(pgproto3.TextFormat))
	return nil
}

func (s *session) execute() error {
	if s.bound == nil {
		return refuse("34000", "there is no portal")
	}
	if len(s.params) != len(s.bound.Parameters) {
		return refuse("08P01", "%d parameters, where there are %d", len(s.params), len(s.bound.Parameters))
	}
	columns, err := s.bound.answer(s)
	if err != nil {
		return err
	}
	rows := 0
	if columns != nil {
		rows = 1
		s.backend.Send(&pgproto3.DataRow{Values: columns})
	}
	s.backend.Send(&pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "%s %d", s.bound.command, rows)})
	return nil
}

func (s *session) unknown(sql string) error {
	s.server.fleet.counts.note(func(c *Counts) { c.Unknown++ })
	const shown = 200
	return refuse("0A000", "a simulated server does not know the statement %.*s", shown, sql)
}

// refusal is an error as the client gets it.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

func refuse(code, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// fail sends an error, if there is one, after which the rest of the transaction is skipped.
func (s *session) fail(err error) {
	var refused *refusal
	if !errors.As(err, &refused) {
		return
	}
	s.failed = true
	s.backend.Send(&pgproto3.ErrorResponse{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: refused.code, Message: refused.message,
	})
}
