package faults_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// clientCertificate is the one that the exporter shows, of an authority of its own.
type clientCertificate struct {
	dir       string
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
}

func (s *scene) newClientCertificate() clientCertificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	template := certificateOf("authority", time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(s.t, err)
	authority, err := x509.ParseCertificate(made)
	must(s.t, err)
	return clientCertificate{s.t.TempDir(), authority, key}
}

func certificateOf(name string, valid time.Duration) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
	}
}

// path returns that of the certificate, crt, or of its key.
func (c *clientCertificate) path(kind string) string { return filepath.Join(c.dir, "client."+kind) }

// issue puts a certificate of the exporter's role in the place of the one before.
func (c *clientCertificate) issue(s *scene, valid time.Duration) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	made, err := x509.CreateCertificate(rand.Reader, certificateOf(canaryRole, valid), c.authority, key.Public(), c.key)
	must(s.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(s.t, err)
	for kind, block := range map[string]*pem.Block{
		"crt": {Type: "CERTIFICATE", Bytes: made}, "key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		must(s.t, os.WriteFile(c.path(kind), pem.EncodeToMemory(block), 0o600))
	}
}

// acceptClientCertificates has the primary let the exporter in by its certificate alone.
func (s *scene) acceptClientCertificates(c *clientCertificate) {
	s.t.Helper()
	s.certify(s.primary)
	s.give(s.primary, filepath.Join(s.primary.DataDir, "root.crt"), "CERTIFICATE", c.authority.Raw)
	s.set(s.primary, "ssl_ca_file", "root.crt")
	s.set(s.primary, "ssl", "on")
	must(s.t, s.primary.SetHBA(s.t.Context(), "hostssl all "+canaryRole+" all cert"))
}
