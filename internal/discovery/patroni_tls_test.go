package discovery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pki is an authority, and files with what it signed.
type pki struct {
	t         *testing.T
	dir       string
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p := &pki{t: t, dir: t.TempDir(), key: key}
	p.authority = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, p.authority, p.authority, key.Public(), key)
	must(t, err)
	p.authority, err = x509.ParseCertificate(der)
	must(t, err)
	p.write("ca.pem", "CERTIFICATE", der)
	return p
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) write(name, kind string, der []byte) {
	p.t.Helper()
	must(p.t, os.WriteFile(p.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// sign writes NAME.pem and NAME.key, for a server on loopback or a client.
func (p *pki) sign(name string) tls.Certificate {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(p.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, p.authority, key.Public(), p.key)
	must(p.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(p.t, err)
	p.write(name+".pem", "CERTIFICATE", der)
	p.write(name+".key", "PRIVATE KEY", private)
	pair, err := tls.LoadX509KeyPair(p.file(name+".pem"), p.file(name+".key"))
	must(p.t, err)
	return pair
}

// start starts a member that asks for a certificate of the authority.
func (p *pki) start(handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	authorities := x509.NewCertPool()
	authorities.AddCert(p.authority)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{p.sign("server")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities,
	}
	server.StartTLS()
	return server
}

// TestPatroniByHTTPS: who signed counts, on both sides, and files are read anew each time.
func TestPatroniByHTTPS(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	member := newMember(t, keys.start, says("a"))
	keys.sign("client")
	all := PatroniOptions{
		URLs: []string{member.URL}, CAFile: keys.file("ca.pem"), CertFile: keys.file("client.pem"), KeyFile: keys.file("client.key"),
	}
	if got := find(t, newPatroni(t, all)); got != "a" {
		t.Errorf("found %s", got)
	}
	system, noClient, noFile, noPEM := all, all, all, all
	system.CAFile = ""
	noClient.CertFile, noClient.KeyFile = "", ""
	noFile.CAFile = keys.file("none")
	noPEM.CAFile = keys.file("client.key")
	for want, options := range map[string]PatroniOptions{
		"unknown authority":    system,
		"certificate required": noClient,
		"no such file":         noFile,
		"holds no certificate": noPEM,
	} {
		if got := find(t, newPatroni(t, options)); !strings.Contains(got, want) {
			t.Errorf("found %s, want an error with %q", got, want)
		}
	}
	late := newPatroni(t, noFile)
	if got := find(t, late); !strings.Contains(got, "no such file") {
		t.Errorf("found %s", got)
	}
	must(t, os.Rename(keys.file("ca.pem"), keys.file("none")))
	if got := find(t, late); got != "a" {
		t.Errorf("found %s after the file came", got)
	}
}

// TestPatroniStaysEncrypted: where the given members are asked by https, an answer that
// names others by http leads nowhere.
func TestPatroniStaysEncrypted(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	keys.sign("client")
	given, other := newMember(t, keys.start, nil), newMember(t, httptest.NewServer, nil)
	given.answer.Store(new(says("a@"+given.URL, "b@"+other.URL)))
	other.answer.Store(new(says("a@"+given.URL, "b@"+other.URL)))
	p := newPatroni(t, PatroniOptions{
		URLs: []string{given.URL}, CAFile: keys.file("ca.pem"), CertFile: keys.file("client.pem"), KeyFile: keys.file("client.key"),
	})
	if got := find(t, p); got != "a b" {
		t.Errorf("found %s", got)
	}
	given.Close()
	if got := find(t, p); !strings.Contains(got, "refused") || other.asked.Load() != 0 {
		t.Errorf("found %s, and the other was asked %d times", got, other.asked.Load())
	}
}
