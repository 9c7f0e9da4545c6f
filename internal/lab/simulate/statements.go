//go:build unix

package simulate

import (
	_ "embed" // statements.json
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// statement is one that the exporter sends, as a real server describes it.
type statement struct {
	SQL string `json:"sql"`
	// Parameters are the types of $1, $2…, where the exporter prepares it.
	Parameters []uint32 `json:"parameters"`
	Columns    []column `json:"columns"`

	answer  func(*session) ([][]byte, error)
	command string
}

// column is one of a statement's. What it is called differs among releases, and nobody asks.
type column struct {
	Type uint32 `json:"type"`
	Size int16  `json:"size"`
}

//go:embed statements.json
var recorded []byte

// known are the statements that a simulated server answers, by their text.
var known = mustRead(recorded)

func mustRead(text []byte) map[string]*statement {
	statements, err := readStatements(text)
	if err != nil {
		panic(err) // A test reads the same.
	}
	return statements
}

// readStatements reads the recording. The error names a statement for which there is no answer.
func readStatements(text []byte) (map[string]*statement, error) {
	var list []*statement
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("statements.json: %w", err)
	}
	statements := map[string]*statement{}
	for _, each := range list {
		fits := 0
		for _, a := range answers {
			if strings.Contains(each.SQL, a.mark) {
				each.answer, each.command = a.answer, a.command
				fits++
			}
		}
		if fits != 1 {
			return nil, fmt.Errorf("statements.json: a statement has %d answers in answers.go, not 1: %s", fits, each.SQL)
		}
		statements[each.SQL] = each
	}
	return statements, nil
}

// description tells of the columns, of which all are in one format.
func (s *statement) description(format int16) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for _, c := range s.Columns {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			DataTypeOID: c.Type, DataTypeSize: c.Size, TypeModifier: -1, Format: format,
		})
	}
	return d
}
