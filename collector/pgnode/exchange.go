package pgnode

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// binaryFormat asks for every parameter and column in binary.
var binaryFormat = []int16{1}

// query is one statement of an exchange.
type query struct {
	sql string
	// statement is the prepared one of sql; without it sql is sent and leaves
	// nothing behind.
	statement *pgconn.StatementDescription
	// prepare is the name to prepare sql under, in place of running it.
	prepare string
	// prepared gets what prepare made.
	prepared func(*pgconn.StatementDescription)
	params   [][]byte
	// scan reads a row; it is not called when there is none. The row is
	// valid only until scan returns.
	scan func(*row)
}

// transaction is what is sent up to one sync: a transaction of its own, unless
// the queries say where it begins and ends.
type transaction struct {
	queries []query
	// servedBy is the server that the transaction ran on.
	servedBy verdict.Server
	// done is when the server's ReadyForQuery arrived: for a write, the
	// acknowledgement of its commit.
	done time.Time
	// err is the server's error, after which it skipped the rest of the
	// transaction; the connection is still good.
	err error
}

// exchange sends all transactions at once and receives what becomes of them: one
// network round trip. One that fails leaves the others alone. The error is the
// connection's.
func exchange(ctx context.Context, conn *pgconn.PgConn, transactions ...*transaction) error {
	pipeline := conn.StartPipeline(ctx)
	for _, t := range transactions {
		for _, q := range t.queries {
			sendQuery(pipeline, q)
		}
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		return err
	}
	for _, t := range transactions {
		if err := receiveResults(conn, pipeline, t); err != nil {
			_ = pipeline.Close() // It only repeats what is wrong.
			return err
		}
	}
	if err := pipeline.Close(); err != nil {
		return err
	}
	return leaveTransaction(ctx, conn)
}

func sendQuery(pipeline *pgconn.Pipeline, q query) {
	switch {
	case q.prepare != "":
		pipeline.SendPrepare(q.prepare, q.sql, nil)
	case q.statement != nil:
		pipeline.SendQueryStatement(q.statement, q.params, binaryFormat, binaryFormat)
	default:
		pipeline.SendQueryParams(q.sql, q.params, nil, binaryFormat, binaryFormat)
	}
}

// leaveTransaction ends a transaction that failed after it was begun by a query.
func leaveTransaction(ctx context.Context, conn *pgconn.PgConn) error {
	const idle = 'I'
	if conn.TxStatus() == idle {
		return nil
	}
	_, err := conn.Exec(ctx, rollback).ReadAll()
	return err
}

// receiveResults takes one transaction's results up to its sync.
func receiveResults(conn *pgconn.PgConn, pipeline *pgconn.Pipeline, t *transaction) error {
	for i := 0; ; {
		results, err := pipeline.GetResults()
		if statementFailed(conn, err) {
			t.err = err
			continue
		}
		if err != nil {
			return err
		}
		switch results := results.(type) {
		case *pgconn.ResultReader:
			if err := scanRows(conn, results, t, t.queries[i].scan); err != nil {
				return err
			}
			i++
		case *pgconn.StatementDescription:
			t.queries[i].prepared(results)
			i++
		case *pgconn.PipelineSync:
			t.done = time.Now()
			return nil
		default:
			return errors.New("the server's answer ended early")
		}
	}
}

// scanRows reads the rows, if there are any. An error of the statement after
// a row, such as a cancelled execution, becomes the transaction's.
func scanRows(conn *pgconn.PgConn, results *pgconn.ResultReader, t *transaction, scan func(*row)) error {
	for results.NextRow() {
		if scan == nil {
			continue
		}
		r := &row{columns: results.Values()}
		scan(r)
		if r.err != nil {
			return r.err
		}
	}
	_, err := results.Close()
	if statementFailed(conn, err) {
		t.err = err
		return nil
	}
	return err
}

// statementFailed tells the failure of a statement from that of the connection.
func statementFailed(conn *pgconn.PgConn, err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && !conn.IsClosed()
}
