package pgnode

import (
	"crypto/x509"
	"slices"
	"sync"
	"weak"

	"github.com/jackc/pgx/v5/pgconn"
)

// rootPools are the sets of certificates that connections trust. The driver reads the file of
// sslrootcert for each connection, which keeps what it read: of a provider's hundred
// authorities that is several times as much as all the rest of a connection.
type rootPools struct {
	mu    sync.Mutex
	pools []weak.Pointer[x509.CertPool]
}

var sharedRoots rootPools

// shareRoots has a configuration use the pool of other ones which trust the same.
func shareRoots(config *pgconn.Config) {
	if c := config.TLSConfig; c != nil {
		c.RootCAs, c.ClientCAs = sharedRoots.share(c.RootCAs), nil // The latter are a server's matter.
	}
	for _, fallback := range config.Fallbacks {
		if c := fallback.TLSConfig; c != nil {
			c.RootCAs, c.ClientCAs = sharedRoots.share(c.RootCAs), nil
		}
	}
}

// share returns the pool of the same certificates that is in use, or the given one if there is none.
func (r *rootPools) share(given *x509.CertPool) *x509.CertPool {
	if given == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools = slices.DeleteFunc(r.pools, func(p weak.Pointer[x509.CertPool]) bool { return p.Value() == nil })
	for _, p := range r.pools {
		if known := p.Value(); known.Equal(given) {
			return known
		}
	}
	r.pools = append(r.pools, weak.Make(given))
	return given
}
