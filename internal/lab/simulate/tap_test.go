//go:build unix

package simulate

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// tap is a proxy to a server that notes which statements are sent to it.
type tap struct {
	listener net.Listener
	target   string
	seen     *seen
	running  sync.WaitGroup
}

// seen are statements, by their text.
type seen struct {
	mu   sync.Mutex
	sqls map[string]bool
}

// tapped returns a connection string that leads through a tap, in place of one that leads to an address.
func tapped(t *testing.T, dsn, address string, seen *seen) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &tap{listener: listener, target: address, seen: seen}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		must(t, listener.Close())
		p.running.Wait()
	})
	from, fromPort, err := net.SplitHostPort(address)
	must(t, err)
	to, toPort, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return strings.NewReplacer(address, listener.Addr().String(), "host="+from+" ", "host="+to+" ", "port="+fromPort+" ", "port="+toPort+" ").Replace(dsn)
}

func (p *tap) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		read, sent := io.Pipe()
		p.running.Go(func() { p.read(read) })
		p.running.Go(func() { p.pass(server, client, sent) })
		p.running.Go(func() { p.pass(client, server, nil) })
	}
}

// pass copies until either side ends, for a reader too where there is one.
func (p *tap) pass(to, from net.Conn, copied *io.PipeWriter) {
	var reader io.Reader = from
	if copied != nil {
		reader = io.TeeReader(from, copied)
		defer copied.Close()
	}
	_, _ = io.Copy(to, reader)
	_ = to.Close()
	_ = from.Close()
}

// read notes what a client sends, and goes on reading when it does not understand it.
func (p *tap) read(sent *io.PipeReader) {
	defer func() { _, _ = io.Copy(io.Discard, sent) }()
	client := pgproto3.NewBackend(sent, io.Discard)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return
	}
	_ = client.SetAuthType(pgproto3.AuthTypeSASL)
	for {
		message, err := client.Receive()
		if err != nil {
			return
		}
		switch message := message.(type) {
		case *pgproto3.SASLInitialResponse:
			err = client.SetAuthType(pgproto3.AuthTypeSASLContinue)
		case *pgproto3.Parse:
			p.seen.note(message.Query)
		case *pgproto3.Query:
			p.seen.note(message.String)
		}
		if errors.Is(err, io.EOF) {
			return
		}
	}
}

func (s *seen) note(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sqls == nil {
		s.sqls = map[string]bool{}
	}
	s.sqls[sql] = true
}

func (s *seen) all() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sqls
}
