//go:build unix

package main

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// floor makes the statements of a probe on bare connections, one after the
// other, without a deadline and without looking at more than it must.
type floor struct {
	primary, replica                  *pgconn.PgConn
	advance, position, state, section *pgconn.StatementDescription
}

var (
	binaryFormat = []int16{1}
	sectionName  = [][]byte{[]byte("default")}
	notClosely   = [][]byte{{0}}
)

func newFloor(ctx context.Context, primary, replica string) (*floor, error) {
	f := &floor{}
	var err error
	if f.primary, err = pgconn.Connect(ctx, primary); err != nil {
		return nil, err
	}
	if f.replica, err = pgconn.Connect(ctx, replica); err != nil {
		return nil, err
	}
	if _, err = f.primary.Exec(ctx, "SET synchronous_commit = local").ReadAll(); err != nil {
		return nil, err
	}
	sql := pgnode.Statements()
	for _, s := range []struct {
		conn *pgconn.PgConn
		into **pgconn.StatementDescription
		name string
		sql  string
	}{
		{f.primary, &f.advance, "advance", sql.Advance},
		{f.primary, &f.position, "position", sql.Position},
		{f.replica, &f.state, "state", sql.State},
		{f.replica, &f.section, "section", sql.Section},
	} {
		if *s.into, err = s.conn.Prepare(ctx, s.name, s.sql, nil); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// statement is one statement of a round trip.
type statement struct {
	*pgconn.StatementDescription
	params [][]byte
}

// run writes, reads, and reads again until the new value is there.
func (f *floor) run(ctx context.Context) error {
	written, err := exchange(ctx, f.primary, statement{f.advance, sectionName}, statement{f.position, nil})
	if err != nil {
		return err
	}
	read, err := exchange(ctx, f.replica, statement{f.state, notClosely}, statement{f.section, sectionName})
	if err != nil {
		return err
	}
	for bytes.Compare(read[1], written[0]) < 0 {
		again, err := exchange(ctx, f.replica, statement{f.section, sectionName})
		if err != nil {
			return err
		}
		read[1] = again[0]
	}
	return nil
}

// exchange makes one round trip and returns the first column of each statement.
func exchange(ctx context.Context, conn *pgconn.PgConn, statements ...statement) ([][]byte, error) {
	pipeline := conn.StartPipeline(ctx)
	for _, s := range statements {
		pipeline.SendQueryStatement(s.StatementDescription, s.params, binaryFormat, binaryFormat)
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		return nil, err
	}
	columns := make([][]byte, len(statements))
	for i := 0; i < len(statements); {
		results, err := pipeline.GetResults()
		if err != nil {
			return nil, err
		}
		switch results := results.(type) {
		case *pgconn.ResultReader:
			for results.NextRow() {
				columns[i] = bytes.Clone(results.Values()[0])
			}
		case *pgconn.PipelineSync:
			i++
		}
	}
	return columns, pipeline.Close()
}

func (f *floor) close(ctx context.Context) error {
	if err := f.primary.Close(ctx); err != nil {
		return err
	}
	return f.replica.Close(ctx)
}
