//go:build unix

package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

const (
	clusterName = "c0001"
	recording   = "statements.json"
)

// pair is a primary and a replica that an exporter can use.
type pair struct {
	dsns, addresses []string
}

// TestLikeARealPair: the exporter sends to a simulated pair what it sends to a real one, and both
// answer with the same columns of the same types, and NULL in the same ones.
func TestLikeARealPair(t *testing.T) {
	actual, simulated := realPair(t), simulatedPair(t)
	sent, results := probed(t, actual)
	want := described(t, actual.dsns[0], slices.Sorted(maps.Keys(sent)))
	text, err := json.MarshalIndent(want, "", "  ")
	must(t, err)
	golden.File(t, recording, string(text)+"\n")
	_, err = readStatements(text)
	must(t, err)
	if golden.Updates() || t.Failed() {
		return // This program has what was recorded before.
	}

	sentToSimulated, simulatedResults := probed(t, simulated)
	if diff := cmp.Diff(sent, sentToSimulated); diff != "" {
		t.Errorf("what the exporter sends to a real and a simulated pair differs:\n%s", diff)
	}
	got := described(t, simulated.dsns[0], slices.Sorted(maps.Keys(sent)))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(statement{}), cmp.FilterPath(isAnswer, cmp.Ignore())); diff != "" {
		t.Errorf("what a real and a simulated server describe differs:\n%s", diff)
	}
	for i, name := range []string{"primary", "replica"} {
		if diff := cmp.Diff(shapes(t, actual.dsns[i]), shapes(t, simulated.dsns[i])); diff != "" {
			t.Errorf("what a real and a simulated %s answer differs:\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(results, simulatedResults); diff != "" {
		t.Errorf("what probes say of a real and a simulated pair differs:\n%s", diff)
	}
}

func isAnswer(p cmp.Path) bool {
	return strings.HasSuffix(p.GoString(), ".answer") || strings.HasSuffix(p.GoString(), ".command")
}

func realPair(t *testing.T) pair {
	t.Helper()
	const password = "pa55"
	cluster, primary, replica := pgtest.NewPair(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: Role, Password: password, Cluster: clusterName}.Run(t.Context(), primary.SuperDSN()))
	must(t, replica.WaitCaughtUp(t.Context()))
	p := pair{}
	for _, server := range cluster.Servers() {
		p.dsns, p.addresses = append(p.dsns, server.DSN(Role, password, Database)), append(p.addresses, server.Addr())
	}
	return p
}

func simulatedPair(t *testing.T) pair {
	t.Helper()
	cluster := newFleet(t, Options{Clusters: 1, Replicas: 1}).Clusters[0]
	p := pair{dsns: cluster.DSNs()}
	for _, server := range cluster.Servers() {
		p.addresses = append(p.addresses, server.Address())
	}
	return p
}

// said is what a probe says of a pair that is the same for every one that is at rest.
type said struct {
	States    []verdict.State
	Verdicts  []string
	Written   bool
	Primaries int
	Eras      int
	Timeline  uint32
	Failures  []error
}

// probed probes a pair until it is at rest, and then its primary as an exporter of another cluster would.
// It returns all statements that were sent, and what the last probe said.
func probed(t *testing.T, p pair) (map[string]bool, said) {
	t.Helper()
	statements, nodes := &seen{}, []probe.Node(nil)
	for i, dsn := range p.dsns {
		nodes = append(nodes, newNode(t, tapped(t, dsn, p.addresses[i], statements), fmt.Sprint("node", i), clusterName))
	}
	r := probeUntil(t, newProbes(t, nodes...), func(r *probe.Result) bool {
		return r.Write != nil && r.Nodes[1].Replica != nil && isTrue(r.Nodes[1].Replica.Synced)
	})
	foreign := newNode(t, tapped(t, p.dsns[0], p.addresses[0], statements), "foreign", "another")
	foreign.Prepare()
	if _, err := foreign.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonForeign {
		t.Errorf("the write of another cluster's exporter ends in %v", err)
	}
	s := said{Written: r.Write.LSN != 0, Eras: len(r.Write.Eras), Timeline: r.Write.Timeline}
	s.Primaries, _ = r.Primaries()
	for _, node := range r.Nodes {
		state := node.State
		state.ReplayLSN, state.ReceiveLSN = min(state.ReplayLSN, 1), min(state.ReceiveLSN, 1)
		state.ReplayWaitsOn = ""
		s.States, s.Failures = append(s.States, state), append(s.Failures, node.Failures...)
		if node.Replica != nil {
			s.Verdicts = append(s.Verdicts, fmt.Sprint(node.Replica.State, isTrue(node.Replica.Synced), node.Replica.Lag != nil))
		}
	}
	return statements.all(), s
}

func isTrue(b *bool) bool { return b != nil && *b }

func newNode(t *testing.T, dsn, name, cluster string) *pgnode.Node {
	t.Helper()
	node, err := pgnode.New(dsn, pgnode.Options{Name: name, Section: Section, Cluster: cluster, StatementTimeout: 5 * time.Second})
	must(t, err)
	t.Cleanup(func() { must(t, node.Close(context.WithoutCancel(t.Context()))) })
	return node
}

// newProbes returns what probes nodes, and closes them with the test.
func newProbes(t *testing.T, nodes ...probe.Node) *probe.Cluster {
	t.Helper()
	cluster := probe.New(probe.Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}, nodes...)
	t.Cleanup(func() { must(t, cluster.Close(context.WithoutCancel(t.Context()))) })
	return cluster
}

// probeUntil probes until a result is as it should be.
func probeUntil(t *testing.T, cluster *probe.Cluster, right func(*probe.Result) bool) *probe.Result {
	t.Helper()
	const patience = time.Minute
	for deadline := time.Now().Add(patience); ; {
		r := cluster.Probe(t.Context())
		if right(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("the last of many probes says %+v", r)
		}
	}
}

// described returns the statements as a server describes them, which it does without running them.
func described(t *testing.T, dsn string, sqls []string) []*statement {
	t.Helper()
	var list []*statement
	conn := connected(t, dsn)
	for _, sql := range sqls {
		d, err := conn.Prepare(t.Context(), "", sql, nil)
		if err != nil {
			t.Fatalf("%v: %s", err, sql)
		}
		s := &statement{SQL: sql, Parameters: d.ParamOIDs}
		if len(s.Parameters) == 0 {
			s.Parameters = nil
		}
		for _, field := range d.Fields {
			s.Columns = append(s.Columns, column{field.DataTypeOID, field.DataTypeSize})
		}
		list = append(list, s)
	}
	return list
}

// shapes runs all statements, and returns how each was answered: the SQLSTATE, or the length of each
// column, -1 for NULL. The lengths of texts are none of it.
func shapes(t *testing.T, dsn string) map[string]string {
	t.Helper()
	conn, found := connected(t, dsn), map[string]string{}
	for i, sql := range slices.Sorted(maps.Keys(known)) {
		s, name := known[sql], fmt.Sprintf("%d %.60s", i, strings.Join(strings.Fields(sql), " "))
		var params [][]byte
		switch {
		case strings.Contains(sql, "UPDATE canary.section"):
			params = [][]byte{[]byte(Section), int8s(1), []byte(clusterName)}
		case strings.Contains(sql, "$1::bool"):
			params = [][]byte{boolean(true)}
		case strings.Contains(sql, "pg_canary_exporter found"):
			params = [][]byte{int4(conn.PID())}
		case len(s.Parameters) == 1:
			params = [][]byte{[]byte(Section)}
		}
		binary := []int16{1}
		result := conn.ExecParams(t.Context(), sql, params, nil, binary, binary).Read()
		var refused *pgconn.PgError
		if errors.As(result.Err, &refused) {
			found[name] = refused.Code
			continue
		}
		must(t, result.Err)
		found[name] = fmt.Sprint(result.CommandTag, " ", lengths(result.Rows, s.Columns))
	}
	return found
}

func lengths(rows [][][]byte, columns []column) string {
	var b bytes.Buffer
	for _, row := range rows {
		for i, value := range row {
			length := len(value)
			switch {
			case value == nil:
				length = -1
			case columns[i].Size < 0 && columns[i].Type != 1016:
				length = 0 // A text.
			}
			fmt.Fprint(&b, length, " ")
		}
	}
	return b.String()
}

func connected(t *testing.T, dsn string) *pgconn.PgConn {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	must(t, err)
	config.RuntimeParams = map[string]string{"search_path": "pg_catalog, pg_temp"}
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}
