package pgnode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// session is one connection, ready for a probe.
//
// A direct one has its settings from its start and its statements prepared. In a
// pooled one the server session belongs to others too, and another one may serve
// each transaction: settings end with the transaction, statements have no name,
// and every transaction asks who serves it.
type session struct {
	conn    *pgconn.PgConn
	opts    Options
	section []byte
	pooled  bool
	opened  time.Time
	basic   bool // state answers only whether the node is in recovery
	// basicWrite is true where the canary write has to do without the functions
	// of WAL positions.
	basicWrite bool
	whoSQL     string // the one of whoSQLs that the server answers
	prepared   map[string]*pgconn.StatementDescription
	named      int // preparations so far, each under a name of its own
	identity   verdict.Server
	// table is what is wrong with the table, nil when it is as setup made it or
	// not there.
	table error
	// unconfirmed is true when the server warned, since it was reset, that it waits no
	// longer for a synchronous standby.
	unconfirmed bool
}

// errPooled is why a direct session cannot be had.
var errPooled = errors.New("a pooler stands between the exporter and the server")

// openDirect connects, finds out who answers, and prepares the statements of a
// probe as far as the server lets it. The error is errPooled where the other end
// is no server.
func openDirect(ctx context.Context, config *pgconn.Config, opts Options) (*session, error) {
	s, err := connect(ctx, withSettings(config, opts), opts, false)
	if err != nil {
		if hasCode(err, startupRefusals...) {
			return nil, errors.Join(errPooled, err)
		}
		return nil, err
	}
	peer, err := s.identify(ctx)
	if err == nil && !peer.isServer(s.conn) {
		err = errPooled
	}
	if err == nil {
		err = s.prepareAndCheckTable(ctx, stateSQL, sectionSQL, advanceSQL, positionSQL)
	}
	if err != nil {
		return nil, s.abandon(ctx, err)
	}
	return s, nil
}

// openPooled connects through a pooler, or as one has to through a pooler.
func openPooled(ctx context.Context, config *pgconn.Config, opts Options) (s *session, direct bool, err error) {
	s, err = connect(ctx, withoutSettings(config), opts, true)
	if err != nil {
		return nil, false, err
	}
	peer, err := s.identify(ctx)
	if err == nil {
		err = s.prepareAndCheckTable(ctx)
	}
	if err != nil {
		return nil, false, s.abandon(ctx, err)
	}
	return s, peer.pid == s.conn.PID(), nil
}

// connect opens the connection of a session, which notices when the server gives up
// waiting for a synchronous standby.
func connect(ctx context.Context, config *pgconn.Config, opts Options, pooled bool) (*session, error) {
	s := &session{
		opts: opts, section: []byte(opts.Section), pooled: pooled, prepared: map[string]*pgconn.StatementDescription{},
	}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		// The code alone is that of most warnings, such as of a wraparound that comes near.
		if notice.Code == "01000" && notice.Routine == "SyncRepWaitForLSN" {
			s.unconfirmed = true
		}
	}
	var err error
	if s.conn, err = dialConfig(ctx, config); err != nil {
		return nil, err
	}
	s.opened = time.Now()
	return s, nil
}

// peer is the process that serves a transaction.
type peer struct {
	pid        uint32
	searchPath string
	identity   verdict.Server
}

// isServer says whether the other end of a connection that was made withSettings
// is the server itself: it has the process that it named when it connected, and
// the settings have taken hold.
func (p peer) isServer(conn *pgconn.PgConn) bool {
	return p.pid == conn.PID() && p.searchPath == searchPath
}

func (p *peer) scan(r *row) {
	*p = peer{r.uint32(), r.text(), verdict.Server{System: r.uint64(), Started: r.time()}}
}

// identify asks the server who it is, as far as it tells this role.
func (s *session) identify(ctx context.Context) (peer, error) {
	var (
		p   peer
		err error
	)
	for _, s.whoSQL = range whoSQLs {
		asked := s.newTransaction(beginReadOnly, query{sql: s.whoSQL, scan: p.scan})
		if err := exchange(ctx, s.conn, asked); err != nil {
			return p, err
		}
		if err = asked.err; err == nil || !notOffered(err) {
			break
		}
	}
	s.identity = p.identity
	return p, err
}

// prepareAndCheckTable prepares statements and looks at the table, all in one round trip. A
// statement that the server refuses, say because the table is missing, is left
// for later.
func (s *session) prepareAndCheckTable(ctx context.Context, sqls ...string) error {
	table := s.newTableCheck()
	transactions := []*transaction{table}
	for _, sql := range sqls {
		transactions = append(transactions, &transaction{queries: []query{s.newPreparation(sql)}})
	}
	return exchange(ctx, s.conn, transactions...)
}

// newTableCheck asks what is wrong with the table.
func (s *session) newTableCheck() *transaction {
	return s.newTransaction(beginReadOnly, query{sql: tableSQL, scan: func(r *row) { s.table = tableError(r.text()) }})
}

// checkTable returns what is wrong with the table, and looks again whether it was
// mended: what somebody else put on it would run with the role's rights.
func (s *session) checkTable(ctx context.Context) error {
	if s.table == nil {
		return nil
	}
	if err := exchange(ctx, s.conn, s.newTableCheck()); err != nil {
		return err
	}
	return s.table
}

func (s *session) newPreparation(sql string) query {
	s.named++
	name := fmt.Sprintf("canary_%d", s.named)
	return query{sql: sql, prepare: name, prepared: func(statement *pgconn.StatementDescription) {
		statement.Name = name // The pipeline leaves it out.
		s.prepared[sql] = statement
	}}
}

// abandon closes the connection of a session that could not be set up.
func (s *session) abandon(ctx context.Context, cause error) error {
	return errors.Join(cause, s.conn.Close(ctx))
}

// prepareQuery returns what runs an SQL text, and prepares it when that was not
// possible before.
func (s *session) prepareQuery(ctx context.Context, q query) (query, error) {
	if s.pooled {
		return q, nil
	}
	if s.prepared[q.sql] == nil {
		preparing := &transaction{queries: []query{s.newPreparation(q.sql)}}
		if err := errors.Join(exchange(ctx, s.conn, preparing), preparing.err); err != nil {
			return q, err
		}
	}
	q.statement = s.prepared[q.sql]
	return q, nil
}

// newTransaction returns a transaction of the queries, which begins as begin says.
func (s *session) newTransaction(begin string, queries ...query) *transaction {
	t := &transaction{queries: queries, servedBy: s.identity}
	if s.pooled {
		who := func(r *row) {
			var p peer
			p.scan(r)
			t.servedBy = p.identity
		}
		t.queries = slices.Concat(
			[]query{{sql: begin}, localSettings(s.opts), {sql: s.whoSQL, scan: who}}, queries, []query{{sql: commit}})
	}
	return t
}
