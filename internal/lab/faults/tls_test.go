package faults_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// tlsFaults are those of an encryption that one side wants and the other does not have.
func tlsFaults() []fault {
	withTLS := func(mode string) func(*layout) {
		return func(l *layout) {
			l.more = func(s *scene, c *pairConfig) {
				root := s.copyOf(s.certify(s.primary))
				s.set(s.primary, "ssl", "on")
				c.primaryDSN = strings.Replace(through(s.primary, s.primary.Addr()), "sslmode=disable", strings.Replace(mode, "ROOT", root, 1), 1)
			}
		}
	}
	return []fault{
		{
			name: "TLS required by the primary",
			hit: func(s *scene) {
				must(s.t, s.primary.SetHBA(s.t.Context(), "hostnossl all "+canaryRole+" all reject"))
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (auth), replica up",
			heal:      func(s *scene) { must(s.t, s.primary.SetHBA(s.t.Context())) },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "TLS refused by the primary",
			with: withTLS("sslmode=require"),
			hit: func(s *scene) {
				s.set(s.primary, "ssl", "off")
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (tls), replica up",
			heal:      func(s *scene) { s.set(s.primary, "ssl", "on") },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "primary's certificate is of another authority",
			with: withTLS("sslmode=verify-full&sslrootcert=ROOT"),
			hit: func(s *scene) {
				kept := s.primary.DataDir + "/server.crt.kept"
				keptKey := s.primary.DataDir + "/server.key.kept"
				must(s.t, os.Rename(s.primary.DataDir+"/server.crt", kept))
				must(s.t, os.Rename(s.primary.DataDir+"/server.key", keptKey))
				s.certify(s.primary)
				s.reloadCertificate()
				s.undo = func() {
					must(s.t, os.Rename(kept, s.primary.DataDir+"/server.crt"))
					must(s.t, os.Rename(keptKey, s.primary.DataDir+"/server.key"))
					s.reloadCertificate()
				}
			},
			publishes: "up 0, primaries 0, primary down (tls), replica up",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryNoPrimary",
		},
	}
}

// TestChannelBinding: a login with SCRAM is bound to the TLS connection, so that nobody in
// between can pass it on.
func TestChannelBinding(t *testing.T) {
	p := newPair(t)
	s := &scene{pair: p}
	s.certify(p.primary)
	s.set(p.primary, "ssl", "on")
	dsn := strings.Replace(through(p.primary, p.primary.Addr()), "sslmode=disable", "sslmode=require&channel_binding=require", 1)
	node, err := pgnode.New(dsn, p.config.node)
	must(t, err)
	defer func() { must(t, node.Close(context.WithoutCancel(t.Context()))) }()
	must(t, node.Connect(t.Context()))
}

// certify gives a server a certificate that is its own authority, and returns its path.
func (s *scene) certify(server *pgcluster.Server) string {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(server.Host)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(s.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(s.t, err)
	path := filepath.Join(server.DataDir, "server.crt")
	s.give(server, path, "CERTIFICATE", certificate)
	s.give(server, filepath.Join(server.DataDir, "server.key"), "PRIVATE KEY", private)
	return path
}

// copyOf copies a file to where only the exporter reads it, and returns its path.
func (s *scene) copyOf(path string) string {
	s.t.Helper()
	content, err := os.ReadFile(path)
	must(s.t, err)
	own := filepath.Join(s.t.TempDir(), filepath.Base(path))
	must(s.t, os.WriteFile(own, content, 0o600))
	return own
}

// give writes a PEM file that belongs to whom the server runs as.
func (s *scene) give(server *pgcluster.Server, path, kind string, content []byte) {
	s.t.Helper()
	must(s.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
	info, err := os.Stat(server.DataDir)
	must(s.t, err)
	owner := info.Sys().(*syscall.Stat_t)
	must(s.t, os.Chown(path, int(owner.Uid), int(owner.Gid)))
}

// reloadCertificate makes the primary read its certificate again, and the
// exporter meet it.
func (s *scene) reloadCertificate() {
	s.t.Helper()
	s.reload(s.primary)
	s.disconnectExporter(s.primary)
}
