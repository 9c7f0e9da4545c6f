package pgnode

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// lookupInterval is how often names are resolved to see whether they lead elsewhere.
	lookupInterval = 10 * time.Second
	// lookupTimeout bounds that.
	lookupTimeout = 5 * time.Second
)

// leadsElsewhere says whether the names that led to a session resolve to addresses that do
// not include the one where it is. What does not resolve says nothing.
func leadsElsewhere(ctx context.Context, s *session) bool {
	remote, err := netip.ParseAddrPort(s.conn.Conn().RemoteAddr().String())
	if err != nil {
		return false // A Unix socket.
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var addresses []string
	for _, host := range s.hosts {
		found, err := s.lookUp(ctx, host)
		if err != nil {
			return false
		}
		addresses = append(addresses, found...)
	}
	return !contains(addresses, remote.Addr())
}

// hostsOf returns the hosts that a configuration names, without the directories of
// Unix sockets.
func hostsOf(config *pgconn.Config) []string {
	hosts := []string{config.Host}
	for _, fallback := range config.Fallbacks {
		hosts = append(hosts, fallback.Host)
	}
	return slices.DeleteFunc(slices.Compact(hosts), filepath.IsAbs)
}

// contains says whether one of the addresses, as a lookup gives them, is the one sought.
func contains(addresses []string, sought netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(text string) bool {
		if host, _, err := net.SplitHostPort(text); err == nil {
			text = host
		}
		address, err := netip.ParseAddr(text)
		return err == nil && address.Unmap().WithZone("") == sought.Unmap().WithZone("")
	})
}
