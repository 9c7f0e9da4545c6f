//go:build unix

package simulate

import (
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// The types of what simple queries are answered with.
const (
	textOID    = 25
	int4OID    = 23
	numericOID = 1700
)

// value is a column of a simple query's answer.
type value struct {
	oid  uint32
	text string
}

// texts are the simple queries that are answered: what ends a transaction of the exporter's, of which nothing
// is left here, and what postgres_exporter asks that is to tell of the replication alone. Each is known by a
// part of its text.
var texts = []struct {
	mark   string
	answer func(*session) []value
}{
	{"SELECT version()", func(*session) []value { return []value{{textOID, "PostgreSQL " + serverVersion}} }},
	{"pg_last_xact_replay_timestamp()", (*session).lag},
}

// serverVersion is what a simulated server says of itself.
const serverVersion = "17.0"

// simple answers a simple query.
func (s *session) simple(sql string) error {
	switch sql {
	case ";":
		s.backend.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	case "ROLLBACK":
		s.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(sql)})
		return nil
	}
	for _, known := range texts {
		if strings.Contains(sql, known.mark) {
			s.sendTexts(known.answer(s))
			return nil
		}
	}
	return s.unknown(sql)
}

func (s *session) sendTexts(values []value) {
	description, row := &pgproto3.RowDescription{}, &pgproto3.DataRow{}
	for _, v := range values {
		description.Fields = append(description.Fields, pgproto3.FieldDescription{
			DataTypeOID: v.oid, DataTypeSize: -1, TypeModifier: -1, Format: pgproto3.TextFormat,
		})
		row.Values = append(row.Values, []byte(v.text))
	}
	s.backend.Send(description)
	s.backend.Send(row)
	s.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

// lag is postgres_exporter's: the lag, whether this is a replica, and the age of what it replayed last.
func (s *session) lag() []value {
	if !s.server.inRecovery {
		return []value{{numericOID, "0"}, {int4OID, "0"}, {numericOID, "0"}}
	}
	age := time.Since(s.server.cluster.visible(s.server).at).Seconds()
	return []value{{numericOID, "0"}, {int4OID, "1"}, {numericOID, strconv.FormatFloat(age, 'f', 6, 64)}}
}
