package pgnode

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// binaryFormat asks for every parameter and column in binary.
var binaryFormat = []int16{1}

// query is one statement of an exchange, a transaction of its own.
type query struct {
	statement *pgconn.StatementDescription
	params    [][]byte
	// scan reads the row; it is not called when there is none. The row is
	// valid only until scan returns.
	scan func(*row)
}

// outcome is what became of a query.
type outcome struct {
	// found is true when there was a row.
	found bool
	// done is when the server's ReadyForQuery arrived: for a write, the
	// acknowledgement of its commit.
	done time.Time
	// err is the server's error; the connection is still good.
	err error
}

// exchange sends all queries at once, with a sync after each, so that each
// commits on its own and one that fails leaves the others alone, and receives
// their outcomes: one network round trip. The error is the connection's.
func exchange(ctx context.Context, conn *pgconn.PgConn, queries ...query) ([]outcome, error) {
	pipeline := conn.StartPipeline(ctx)
	for _, q := range queries {
		pipeline.SendQueryStatement(q.statement, q.params, binaryFormat, binaryFormat)
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(queries))
	for i, q := range queries {
		if err := receive(conn, pipeline, q, &outcomes[i]); err != nil {
			_ = pipeline.Close() // It only repeats what is wrong.
			return nil, err
		}
	}
	return outcomes, pipeline.Close()
}

// receive takes one query's results up to its sync.
func receive(conn *pgconn.PgConn, pipeline *pgconn.Pipeline, q query, o *outcome) error {
	for {
		results, err := pipeline.GetResults()
		if statementFailed(conn, err) {
			o.err = err
			continue
		}
		if err != nil {
			return err
		}
		switch results := results.(type) {
		case *pgconn.ResultReader:
			if err := scanRow(conn, results, q, o); err != nil {
				return err
			}
		case *pgconn.PipelineSync:
			o.done = time.Now()
			return nil
		default:
			return errors.New("the server's answer ended early")
		}
	}
}

// scanRow reads the row, if there is one. An error of the statement after
// the row, such as a cancelled execution, becomes the outcome's.
func scanRow(conn *pgconn.PgConn, results *pgconn.ResultReader, q query, o *outcome) error {
	for results.NextRow() {
		r := &row{columns: results.Values()}
		q.scan(r)
		if r.err != nil {
			return r.err
		}
		o.found = true
	}
	_, err := results.Close()
	if statementFailed(conn, err) {
		o.err = err
		return nil
	}
	return err
}

// statementFailed tells the failure of a statement from that of the connection.
func statementFailed(conn *pgconn.PgConn, err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && !conn.IsClosed()
}
