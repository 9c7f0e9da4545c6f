//go:build unix

// Package floor makes the statements of a probe on bare connections: what a
// scrape is measured against. It uses nothing of the exporter, whose own test
// holds the statements here equal to its own.
package floor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Floor makes the statements one after the other, without a deadline and
// without looking at more than it must.
type Floor struct {
	primary           *pgconn.PgConn
	advance, position *pgconn.StatementDescription
	replicas          []bareReplica
}

type bareReplica struct {
	*pgconn.PgConn
	state, section *pgconn.StatementDescription
}

var (
	binaryFormat = []int16{1}
	sectionName  = [][]byte{[]byte("default")}
	clusterName  = []byte("default")
	notClosely   = [][]byte{{0}}
)

// New connects to the servers and prepares the statements.
func New(ctx context.Context, primary string, replicas ...string) (*Floor, error) {
	f := &Floor{}
	var err error
	if f.primary, err = pgconn.Connect(ctx, primary); err != nil {
		return nil, err
	}
	if f.advance, err = f.primary.Prepare(ctx, "advance", AdvanceSQL, nil); err != nil {
		return nil, err
	}
	if f.position, err = f.primary.Prepare(ctx, "position", PositionSQL, nil); err != nil {
		return nil, err
	}
	for _, dsn := range replicas {
		r := bareReplica{}
		if r.PgConn, err = pgconn.Connect(ctx, dsn); err != nil {
			return nil, err
		}
		if r.state, err = r.Prepare(ctx, "state", StateSQL, nil); err != nil {
			return nil, err
		}
		if r.section, err = r.Prepare(ctx, "section", SectionSQL, nil); err != nil {
			return nil, err
		}
		f.replicas = append(f.replicas, r)
	}
	return f, nil
}

// statement is one statement of a round trip.
type statement struct {
	*pgconn.StatementDescription
	params [][]byte
}

// Run writes, reads the first replica, and reads again until the new value is there.
func (f *Floor) Run(ctx context.Context) error {
	written, err := f.Write(ctx)
	if err != nil {
		return err
	}
	r := f.replicas[0]
	read, err := exchange(ctx, r.PgConn, statement{r.state, notClosely}, statement{r.section, sectionName})
	if err != nil {
		return err
	}
	for bytes.Compare(read[1], written[0]) < 0 {
		again, err := exchange(ctx, r.PgConn, statement{r.section, sectionName})
		if err != nil {
			return err
		}
		read[1] = again[0]
	}
	return nil
}

// Write makes the canary write and returns the new value.
func (f *Floor) Write(ctx context.Context) ([][]byte, error) {
	mark := make([]byte, 8)
	_, _ = rand.Read(mark) // It never fails.
	params := [][]byte{sectionName[0], mark, clusterName}
	return exchange(ctx, f.primary, statement{f.advance, params}, statement{f.position, nil})
}

// ReadAll sends the reads of all replicas, and then receives the answers: fewer
// switches are not possible.
func (f *Floor) ReadAll(ctx context.Context) error {
	pipelines := make([]*pgconn.Pipeline, len(f.replicas))
	for i, r := range f.replicas {
		var err error
		if pipelines[i], err = send(ctx, r.PgConn, statement{r.state, notClosely}, statement{r.section, sectionName}); err != nil {
			return err
		}
	}
	for _, pipeline := range pipelines {
		if _, err := receive(pipeline, 2); err != nil {
			return err
		}
	}
	return nil
}

// exchange makes one round trip and returns the first column of each statement.
func exchange(ctx context.Context, conn *pgconn.PgConn, statements ...statement) ([][]byte, error) {
	pipeline, err := send(ctx, conn, statements...)
	if err != nil {
		return nil, err
	}
	return receive(pipeline, len(statements))
}

func send(ctx context.Context, conn *pgconn.PgConn, statements ...statement) (*pgconn.Pipeline, error) {
	pipeline := conn.StartPipeline(ctx)
	for _, s := range statements {
		pipeline.SendQueryStatement(s.StatementDescription, s.params, binaryFormat, binaryFormat)
		pipeline.SendPipelineSync()
	}
	return pipeline, pipeline.Flush()
}

func receive(pipeline *pgconn.Pipeline, statements int) ([][]byte, error) {
	columns := make([][]byte, statements)
	for i := 0; i < statements; {
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

// Close closes the connections.
func (f *Floor) Close(ctx context.Context) error {
	err := f.primary.Close(ctx)
	for _, r := range f.replicas {
		err = errors.Join(err, r.Close(ctx))
	}
	return err
}
