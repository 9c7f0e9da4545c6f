package discovery

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// dnsTimeout is how long one lookup may take, with all names and servers that are tried.
const dnsTimeout = 15 * time.Second

// resolver asks name servers as the C library does: those of resolv.conf in turn, with
// its search list, over UDP, and over TCP what does not fit. It is for one lookup.
type resolver struct {
	config *dns.ClientConfig
	// first is the server that answered last, by number: one that is silent costs its
	// timeout once, and not for each name of the search list.
	first atomic.Int32
}

// readResolver reads resolv.conf, which may have changed since the last lookup. Without
// it, or without a name server in it, there is no resolver.
func readResolver(file, port string) (*resolver, bool) {
	config, err := dns.ClientConfigFromFile(file)
	if err != nil || len(config.Servers) == 0 {
		return nil, false
	}
	config.Port = port
	var search []string
	for _, suffix := range config.Search {
		if suffix = strings.Trim(suffix, "."); suffix != "" { // systemd-resolved writes "search .".
			search = append(search, suffix)
		}
	}
	config.Search = search
	return &resolver{config: config}, true
}

// names returns the full names that a name may stand for, in the order they are tried.
func (r *resolver) names(name string) []string { return r.config.NameList(name) }

// longestAsking is how many names one question may lead to, from server to server.
const longestAsking = 8

// ask returns the records of one type that a full name has. A chain of CNAMEs is followed
// in the answer, and beyond it where the server did not do that.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (answer, error) {
	shortest := uint32(maxTTL / time.Second)
	for range longestAsking {
		message, err := r.exchange(ctx, name, kind)
		if err != nil {
			return answer{}, err
		}
		got, err := readAnswer(message, name, kind)
		if err != nil {
			return answer{}, err
		}
		shortest = min(shortest, got.ttl)
		if got.next == "" {
			got.ttl = shortest
			return got, nil
		}
		name = got.next
	}
	return answer{}, fmt.Errorf("the CNAMEs of %s lead on and on", name)
}

// exchange asks the servers in turn, as often as resolv.conf says, until one has an
// answer that is one.
func (r *resolver) exchange(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	question := new(dns.Msg).SetQuestion(name, kind)
	var failure error
	for range r.config.Attempts {
		first := int(r.first.Load())
		for i := range r.config.Servers {
			number := (first + i) % len(r.config.Servers)
			address := net.JoinHostPort(r.config.Servers[number], r.config.Port)
			question.Id = dns.Id()
			message, err := r.exchangeWith(ctx, question, address)
			if err == nil {
				r.first.Store(int32(number)) //nolint:gosec // There are few.
				return message, nil
			}
			failure = fmt.Errorf("name server %s: %w", address, err)
			if ctx.Err() != nil {
				return nil, failure
			}
		}
	}
	return nil, failure
}

// exchangeWith asks one server.
func (r *resolver) exchangeWith(ctx context.Context, question *dns.Msg, address string) (*dns.Msg, error) {
	message, err := r.exchangeOver(ctx, "udp", question, address)
	if err == nil && message.Truncated {
		message, err = r.exchangeOver(ctx, "tcp", question, address)
	}
	if err != nil {
		return nil, err
	}
	return message, checkAnswer(question, message)
}

// largestPacket is more than a server may send over UDP to one that does not ask for
// more; some do.
const largestPacket = 4096

func (r *resolver) exchangeOver(ctx context.Context, network string, question *dns.Msg, address string) (*dns.Msg, error) {
	client := &dns.Client{Net: network, Timeout: time.Duration(r.config.Timeout) * time.Second, UDPSize: largestPacket}
	conn, err := client.DialContext(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // The answer is there, or it is not.
	// The library looks at the end of ctx only where that has a deadline.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	message, _, err := client.ExchangeWithConnContext(ctx, question, conn)
	return message, err
}

// askAddresses asks for addresses of both families at the same time.
func (r *resolver) askAddresses(ctx context.Context, name string) (four, six family) {
	var both sync.WaitGroup
	both.Go(func() { four.answer, four.err = r.ask(ctx, name, dns.TypeA) })
	both.Go(func() { six.answer, six.err = r.ask(ctx, name, dns.TypeAAAA) })
	both.Wait()
	return four, six
}
