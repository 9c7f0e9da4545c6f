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
	conn          *pgconn.PgConn
	opts          Options
	section       []byte
	pooled        bool
	begun, opened time.Time
	took          time.Duration // to be opened
	setUpTimeout  time.Duration // bounds what is asked of the server to open it
	hosts         []string      // that it may have led to
	several       bool          // its address lists more than one
	lookUp        pgconn.LookupFunc
	inRecovery    bool // when it was opened
	version       string

	// What the keeper knows of it; its lock guards them.
	busy, used        bool // used at the moment, used at all
	looked            bool // busy because it is being looked at
	usedAt, checkedAt time.Time
	expires           time.Time      // when it is to be renewed
	since             time.Time      // when the first of those was opened that renewed one another
	unbroken          time.Time      // the same, of those that each took over while the one before still lasted
	known             verdict.Server // identity, as it was when the last operation ended

	// roleChanged is true when the server has left recovery, or entered it, since.
	roleChanged bool
	basic       bool // state answers only whether the node is in recovery
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

// openDirect connects, and finds out in one round trip who answers, prepares the
// statements of a probe as far as the server lets it, and looks at the table. The error
// is errPooled where the other end is no server. A session that comes with an error
// is one that was given up.
func openDirect(ctx context.Context, config *pgconn.Config, opts Options) (*session, error) {
	s, err := connect(ctx, withSettings(config, opts), opts, false)
	if err != nil {
		if hasCode(err, startupRefusals...) {
			return nil, errors.Join(errPooled, err)
		}
		return nil, err
	}
	prepare := s.newPreparations(stateSQL, positionSQL, sectionSQL, advanceSQL)
	who, err := s.setUp(ctx, prepare)
	if err == nil && !who.isServer(s.conn) {
		err = errPooled
	}
	if err != nil {
		return s, s.abandon(ctx, err)
	}
	return s, nil
}

// openPooled connects through a pooler, or as one has to through a pooler.
func openPooled(ctx context.Context, config *pgconn.Config, opts Options) (s *session, direct bool, err error) {
	s, err = connect(ctx, withoutSettings(config), opts, true)
	if err != nil {
		return nil, false, err
	}
	who, err := s.setUp(ctx)
	if err != nil {
		return s, false, s.abandon(ctx, err)
	}
	return s, who.pid == s.conn.PID(), nil
}

// connect opens the connection of a session, which notices when the server gives up
// waiting for a synchronous standby.
func connect(ctx context.Context, config *pgconn.Config, opts Options, pooled bool) (*session, error) {
	s := &session{
		begun: time.Now(), opts: opts, section: []byte(opts.Section), pooled: pooled, prepared: map[string]*pgconn.StatementDescription{},
		setUpTimeout: config.ConnectTimeout, hosts: hostsOf(config), several: leadsToSeveral(config), lookUp: config.LookupFunc,
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
	return s, nil
}

// peer is the process that serves a transaction.
type peer struct {
	pid        uint32
	searchPath string
	identity   verdict.Server
	inRecovery bool
}

// isServer says whether the other end of a connection that was made withSettings
// is the server itself: it has the process that it named when it connected, and
// the settings have taken hold.
func (p peer) isServer(conn *pgconn.PgConn) bool {
	return p.pid == conn.PID() && p.searchPath == searchPath
}

func (p *peer) scan(r *row) {
	*p = peer{r.uint32(), r.text(), verdict.Server{System: r.uint64(), Started: r.time()}, r.bool()}
}

// setUp asks the server who it is, as far as it tells this role, and looks at the table,
// with more in the same round trip.
func (s *session) setUp(ctx context.Context, more ...*transaction) (peer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.setUpTimeout)
	defer cancel()
	peers := make([]peer, len(whoSQLs))
	var asked []*transaction
	for i, sql := range whoSQLs {
		asked = append(asked, &transaction{queries: []query{{sql: sql, scan: peers[i].scan}}})
	}
	table := &transaction{queries: []query{s.tableQuery()}}
	if err := exchange(ctx, s.conn, slices.Concat(asked, []*transaction{table}, more)...); err != nil {
		return peer{}, fmt.Errorf("setting up the session: %w", err)
	}
	s.opened = time.Now()
	s.took = s.opened.Sub(s.begun)
	s.version = s.conn.ParameterStatus("server_version")
	for i, who := range asked {
		if who.err == nil {
			s.whoSQL, s.identity, s.inRecovery = whoSQLs[i], peers[i].identity, peers[i].inRecovery
			return peers[i], nil
		}
		if !notOffered(who.err) {
			return peer{}, who.err
		}
	}
	return peer{}, asked[len(asked)-1].err
}

// newPreparations prepares statements in one transaction, in their order. One that the
// server refuses, say because the table is missing, is left for later with those after
// it. Behind a pooler that passes for the server nothing is prepared: the guard fails,
// and the server skips the rest.
func (s *session) newPreparations(sqls ...string) *transaction {
	preparing := &transaction{queries: []query{{sql: guardSQL, params: [][]byte{int32Param(s.conn.PID())}}}}
	for _, sql := range sqls {
		preparing.queries = append(preparing.queries, s.newPreparation(sql))
	}
	return preparing
}

// tableQuery asks what is wrong with the table.
func (s *session) tableQuery() query {
	return query{sql: tableSQL, scan: func(r *row) { s.table = tableError(r.text()) }}
}

// checkTable returns what is wrong with the table, and looks again whether it was
// mended: what somebody else put on it would run with the role's rights.
func (s *session) checkTable(ctx context.Context) error {
	if s.table == nil {
		return nil
	}
	if err := exchange(ctx, s.conn, s.newTransaction(beginReadOnly, s.tableQuery())); err != nil {
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
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // The cause says what there is to say.
	return cause
}

// givenUp returns what is closed when the connection of a session that was given up is gone.
func (s *session) givenUp() []<-chan struct{} {
	if s == nil {
		return nil
	}
	return []<-chan struct{}{s.conn.CleanupDone()}
}

// check looks, without a round trip, whether the connection broke while it was idle. The
// driver waits a millisecond for what may have arrived, if anything did.
func (s *session) check() error {
	for range mostNotices {
		if !hasPending(s.conn.Conn()) {
			return nil
		}
		if err := s.conn.CheckConn(); err != nil { //nolint:staticcheck // Ping, which it recommends, is a round trip.
			return err
		}
	}
	return nil
}

// mostNotices is how many messages that nobody asked for are read before a probe: a server
// tells of new settings, and why it ends the session.
const mostNotices = 8

// noteRole notices when the server's role is another one than when the session began. A
// pooled session has a server for each transaction.
func (s *session) noteRole(inRecovery bool) {
	s.roleChanged = s.roleChanged || (!s.pooled && inRecovery != s.inRecovery)
}

// leadsToOtherCluster says whether the session leads to a server that is known to be of
// another cluster than the one given, 0 for none.
func (s *session) leadsToOtherCluster(than uint64) bool {
	return than != 0 && s.identity.System != 0 && s.identity.System != than
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
