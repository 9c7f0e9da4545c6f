package pgnode

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestRootsAreShared: connections that trust the same certificates keep them once, until none does any more.
func TestRootsAreShared(t *testing.T) {
	t.Parallel()
	pool := func(certificates ...[]byte) *x509.CertPool {
		made := x509.NewCertPool()
		for _, c := range certificates {
			if !made.AppendCertsFromPEM(c) {
				t.Fatal("no certificate")
			}
		}
		return made
	}
	one, other := pemOf(selfSigned(t)), pemOf(selfSigned(t))
	var roots rootPools
	first := roots.share(pool(one, other))
	if got := roots.share(pool(other, one)); got != first {
		t.Error("the same certificates are kept twice")
	}
	for name, different := range map[string]*x509.CertPool{"fewer": pool(one), "none": x509.NewCertPool(), "the system's": nil} {
		if got := roots.share(different); got != different {
			t.Errorf("%s: other certificates are trusted", name)
		}
	}
	runtime.KeepAlive(first)
	runtime.GC()
	last := pool(one)
	if got := roots.share(last); got != last || len(roots.pools) != 1 {
		t.Errorf("%d sets are remembered, want 1", len(roots.pools))
	}
	runtime.KeepAlive(last)
}

// TestRootsOfAFile: the file is read for each connection, and what it holds is kept once, whatever the sslmode.
func TestRootsOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "root.crt")
	for _, mode := range []string{"require", "verify-ca", "verify-full"} {
		must(t, os.WriteFile(file, pemOf(selfSigned(t)), 0o600))
		dsn := "host=a,b user=u sslmode=" + mode + " sslrootcert=" + file
		first, err := parseDSN(dsn)
		must(t, err)
		second, err := parseDSN(dsn)
		must(t, err)
		roots := first.TLSConfig.RootCAs
		if roots == nil || second.TLSConfig.RootCAs != roots || first.Fallbacks[0].TLSConfig.RootCAs != roots {
			t.Errorf("%s: the certificates are kept more than once", mode)
		}
		must(t, os.WriteFile(file, pemOf(selfSigned(t)), 0o600))
		third, err := parseDSN(dsn)
		must(t, err)
		if third.TLSConfig.RootCAs == roots {
			t.Errorf("%s: the file has changed, and another certificate is trusted", mode)
		}
		runtime.KeepAlive(first)
	}
}
