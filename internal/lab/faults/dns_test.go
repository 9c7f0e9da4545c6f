package faults_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// names is the name server of this process's resolver. A connection string has
// no place for a resolver, and names have to move while the tests run.
var names = &nameServer{addresses: map[string]string{}}

// nameServer answers for the names that it was given.
type nameServer struct {
	address   string
	mu        sync.Mutex
	addresses map[string]string
}

// runWithNames runs the tests with names in place of the system's name service.
func runWithNames(m *testing.M) int {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	names.address = conn.LocalAddr().String()
	server := &dns.Server{PacketConn: conn, Handler: names}
	stopped := make(chan error)
	go func() { stopped <- server.ActivateAndServe() }()
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", names.address)
		},
	}
	code := m.Run()
	if err := errors.Join(server.Shutdown(), <-stopped); err != nil {
		panic(err)
	}
	return code
}

// set lets a name lead to an address, or to none.
func (n *nameServer) set(name, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[name+"."] = address
}

// ServeDNS answers one question.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	answer := new(dns.Msg).SetReply(question)
	name := strings.ToLower(question.Question[0].Name)
	n.mu.Lock()
	address := n.addresses[name]
	n.mu.Unlock()
	switch {
	case address == "":
		answer.Rcode = dns.RcodeNameError
	case question.Question[0].Qtype == dns.TypeA:
		answer.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(address),
		}}
	}
	_ = w.WriteMsg(answer)
}

// dnsFaults are those of the primary's name.
func dnsFaults() []fault {
	const oldHost, newHost = "127.0.0.2", "127.0.0.3"
	// named puts the old and the new primary on one port of two hosts, and lets
	// a name lead to the first.
	named := func(name string) func(*layout) {
		return func(l *layout) {
			l.more = func(s *scene, c *pairConfig) {
				old := newLinkAt(s.t, oldHost+":0", s.primary.Addr())
				_, port, err := net.SplitHostPort(old.Listen)
				must(s.t, err)
				newLinkAt(s.t, newHost+":"+port, s.replica.Addr())
				names.set(name, oldHost)
				c.primaryDSN = through(s.primary, net.JoinHostPort(name, port))
			}
		}
	}
	return []fault{
		{
			name: "DNS name of the primary moves to the promoted replica",
			with: named("moves.canary.test"),
			hit: func(s *scene) {
				names.set("moves.canary.test", newHost)
				// The connection to the old address is still good.
				s.insist(s.scrape(), s.parseExpectation(s.healthy.text+", primary_timeline 1"))
				failOver(s)
			},
			// Both names lead to one server now.
			publishes: "up 1, primaries 1, primary leads, replica primary, primary_timeline 2, primary_changes_total 1, lost_writes_total 0",
			heal:      reclonePrimary,
			healed:    "up 1, primaries 1, primary leads, replica primary, primary_changes_total 1",
			alerts:    "PgCanaryNoReplica",
		},
		{
			name: "DNS name of the primary gone",
			with: named("goes.canary.test"),
			hit: func(s *scene) {
				names.set("goes.canary.test", "")
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (dns), replica up",
			heal:      func(*scene) { names.set("goes.canary.test", oldHost) },
			alerts:    "PgCanaryNoPrimary",
		},
	}
}

var _ dns.Handler = (*nameServer)(nil)
