package discovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// nameServer is a real name server on a host of loopback, over UDP and TCP.
type nameServer struct {
	host, port string
	mu         sync.Mutex
	zone       []dns.RR
	failing    map[string]int // by "NAME TYPE": the RCODE, or silent
	asked      []string       // NAME TYPE NETWORK
	bare       bool           // CNAMEs are not followed
}

// silent is in place of an RCODE for a server that does not answer.
const silent = -1

// newNameServer starts one with records in the form of a zone file.
func newNameServer(t testing.TB, host, port string, records ...string) *nameServer {
	t.Helper()
	s := &nameServer{host: host, failing: map[string]int{}}
	s.set(t, records...)
	conn, listener, err := listenBoth(host, port)
	must(t, err)
	_, s.port, err = net.SplitHostPort(conn.LocalAddr().String())
	must(t, err)
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: s}, {Listener: listener, Handler: s}} {
		started, ended := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			if err := errors.Join(server.Shutdown(), <-ended); err != nil {
				t.Error(err)
			}
		})
	}
	return s
}

// listenBoth listens on one port over UDP and TCP; "0" stands for a free one, below those
// that the system gives to outgoing connections.
func listenBoth(host, port string) (conn net.PacketConn, listener net.Listener, err error) {
	for range 100 {
		number := port
		if port == "0" {
			number = strconv.Itoa(15000 + rand.IntN(17000))
		}
		address := net.JoinHostPort(host, number)
		if conn, err = net.ListenPacket("udp", address); err != nil {
			continue
		}
		if listener, err = net.Listen("tcp", address); err == nil {
			return conn, listener, nil
		}
		_ = conn.Close()
	}
	return nil, nil, err
}

func (s *nameServer) set(t testing.TB, records ...string) {
	t.Helper()
	var zone []dns.RR
	for _, text := range records {
		record, err := dns.NewRR(text)
		must(t, err)
		zone = append(zone, record)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = zone
}

// fail answers a question with an RCODE or not at all; RcodeSuccess ends that.
func (s *nameServer) fail(question string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[question] = code
}

// followNot lets CNAMEs be answered alone.
func (s *nameServer) followNot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bare = true
}

// questions returns what was asked since the last call.
func (s *nameServer) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// ServeDNS answers one question.
func (s *nameServer) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := question.Question[0]
	key := strings.ToLower(asked.Name) + " " + dns.TypeToString[asked.Qtype]
	network := w.LocalAddr().Network()
	s.asked = append(s.asked, key+" "+network)
	answer := new(dns.Msg).SetReply(question)
	switch code := s.failing[key]; code {
	case silent:
		return
	case dns.RcodeSuccess:
		s.fill(answer, asked)
	default:
		answer.Rcode = code
	}
	if network == "udp" {
		answer.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(answer)
}

// fill puts the records for a question into its answer.
func (s *nameServer) fill(answer *dns.Msg, asked dns.Question) {
	name, known, has := asked.Name, false, false
	for range 20 {
		next := ""
		known = false // The last name of a chain counts.
		for _, record := range s.zone {
			header := record.Header()
			if !strings.EqualFold(header.Name, name) {
				continue
			}
			known = true
			if header.Rrtype == asked.Qtype {
				answer.Answer, has = append(answer.Answer, record), true
			}
			if alias, is := record.(*dns.CNAME); is {
				answer.Answer, next = append(answer.Answer, record), alias.Target
			}
		}
		if next == "" || s.bare {
			break
		}
		name = next
	}
	switch {
	case !known:
		answer.Rcode = dns.RcodeNameError
	case !has && !s.bare:
		answer.Ns = []dns.RR{&dns.SOA{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: ".", Mbox: ".",
		}}
	}
}

// systemOf is an operating system that asks these name servers, all on one port.
func systemOf(t testing.TB, hosts, options string, servers ...*nameServer) system {
	t.Helper()
	lines := options + "\n"
	for _, server := range servers {
		lines = fmt.Sprintf("%snameserver %s\n", lines, server.host)
	}
	dir := t.TempDir()
	s := system{resolvConf: filepath.Join(dir, "resolv.conf"), hosts: filepath.Join(dir, "hosts"), fallback: brokenResolver, port: servers[0].port}
	must(t, os.WriteFile(s.resolvConf, []byte(lines), 0o600))
	must(t, os.WriteFile(s.hosts, []byte(hosts), 0o600))
	return s
}

// brokenResolver is for systems that have another one.
var brokenResolver = resolverTo(func() (net.Conn, error) { return nil, errors.New("the fallback is not to be used") })

func resolverTo(dial func() (net.Conn, error)) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return dial() }}
}

func newDNS(t testing.TB, s system, name string) *DNS {
	t.Helper()
	d, err := NewDNS(name, 0)
	must(t, err)
	d.system = s
	return d
}

func newSRV(t testing.TB, s system, name string) *SRV {
	t.Helper()
	d, err := NewSRV(name)
	must(t, err)
	d.system = s
	return d
}
