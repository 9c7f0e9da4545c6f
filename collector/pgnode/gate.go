package pgnode

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// What the gate asks of a node beside what probes do.

// lookSQL is a look at the primary that writes nothing: $1 is the section. The insert position, and not the one that
// was flushed: with synchronous_commit = off, which any transaction may set, a commit is acknowledged before
// it is flushed, and even written. A standby fails at the position's function.
const lookSQL = `
SELECT n.recovering,
       CASE WHEN NOT n.recovering THEN pg_current_wal_insert_lsn() END,
       current_setting('wal_block_size')::int8,
       pg_size_bytes(current_setting('wal_segment_size')),
       CASE WHEN NOT n.recovering THEN ` + writeTimelineSQL + ` END,
       coalesce(NOT n.recovering AND ` + sameLifeSQL + `, false),
       ` + rowSQL + `
  FROM (SELECT pg_is_in_recovery() AS recovering) n
  LEFT JOIN canary.section AS s ON s.name OPERATOR(pg_catalog.=) $1`

// Unbroken returns since when there has been a connection to one and the same server, as far as can be seen now: a
// session that broke ends it, and one that was renewed while the one before still lasted does not. It is zero
// where there is none, and where what was read says nothing about the next connection: see [Node.Pooled] and [Node.Several].
func (n *Node) Unbroken() time.Time { return n.keeper.unbroken() }

// Several says that the node's address stands for several servers: it lists several hosts, or the node is
// connected anew for each probe because a balancer stands there.
func (n *Node) Several() bool {
	s := n.keeper.current()
	return n.opts.Fresh || s != nil && s.several
}

// Position asks the primary for its insert position, and writes nothing.
func (n *Node) Position(ctx context.Context) (verdict.Position, error) {
	return onSession(ctx, n, func(s *session) (verdict.Position, error) { return s.position(ctx) })
}

func (s *session) position(ctx context.Context) (verdict.Position, error) {
	var p verdict.Position
	if err := s.checkTable(ctx); err != nil {
		return p, err
	}
	look, err := s.prepareQuery(ctx, query{sql: lookSQL, params: [][]byte{s.section}, scan: func(r *row) {
		p.InRecovery = r.bool()
		at, page, segment := r.lsn(), r.uint64(), r.uint64()
		p.LSN = at.WithoutHeader(page, segment)
		p.Timeline, p.OwnRow = r.uint32(), r.bool()
		p.Row = scanRow(r)
		p.Row.Found = p.Row.Born != 0
		s.noteRole(p.InRecovery)
	}})
	if err != nil {
		return p, err
	}
	looking := s.newTransaction(beginReadOnly, look)
	p.Sent = time.Now()
	if err := exchange(ctx, s.conn, looking); err != nil {
		return p, err
	}
	s.identity = looking.servedBy
	p.Received = time.Now()
	return p, looking.err
}

// unbroken is [Node.Unbroken].
func (k *keeper) unbroken() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.session
	if s == nil || s.pooled || s.several || k.fresh {
		return time.Time{}
	}
	// What is being used finds out by itself.
	if !s.busy && hasPending(s.conn.Conn()) {
		return time.Time{}
	}
	return s.unbroken
}

// leadsToSeveral says whether a configuration lists more than one host and port.
func leadsToSeveral(config *pgconn.Config) bool {
	address := func(host string, port uint16) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }
	for _, fallback := range config.Fallbacks {
		if address(fallback.Host, fallback.Port) != address(config.Host, config.Port) {
			return true
		}
	}
	return false
}
