package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// credentials writes a certificate for another name than localhost, its key, and
// a web configuration file, and returns the file's name.
func credentials(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exporter.example.com"}, DNSNames: []string{"exporter.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	file := filepath.Join(dir, "web.yml")
	for name, content := range map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		"web.yml": []byte(config),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return file
}

// Parts of web configuration files. The password is "secret".
const (
	withTLS      = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"
	withUsers    = "basic_auth_users:\n  prometheus: $2a$04$abcdefghijklmnopqrstuuKI86qN0cwZk5GmDIAbUYSnt.0cWgEIe\n"
	withCA       = "  client_ca_file: tls.crt\n"
	withRate     = "rate_limit:\n  interval: 1h\n  burst: 1\n"
	withoutHTTP2 = "http_server_config:\n  http2: false\n"
)

func flagsFor(webConfig string, addresses ...string) *web.FlagConfig {
	systemd := false
	return &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &systemd, WebConfigFile: &webConfig}
}

func TestHealthyWithEveryWebConfiguration(t *testing.T) {
	for name, config := range map[string]string{
		"nothing":                 "",
		"a password without TLS":  withUsers,
		"TLS":                     withTLS,
		"TLS and a password":      withTLS + withUsers,
		"TLS without HTTP/2":      withTLS + withoutHTTP2,
		"TLS 1.2 only":            withTLS + "  max_version: TLS12\n",
		"TLS 1.1 only":            withTLS + "  min_version: TLS11\n  max_version: TLS11\n",
		"an old cipher":           withTLS + "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]\n" + withoutHTTP2,
		"a wish for certificates": withTLS + "  client_auth_type: RequestClientCert\n",
		"certificates if given":   withTLS + withCA + "  client_auth_type: VerifyClientCertIfGiven\n",
		"any certificate":         withTLS + "  client_auth_type: RequireAnyClientCert\n",
		"any, by its old name":    withTLS + "  client_auth_type: RequireClientCert\n",
		"our certificates":        withTLS + withCA + "  client_auth_type: RequireAndVerifyClientCert\n",
		"our certificates, 1.2":   withTLS + withCA + "  client_auth_type: RequireAndVerifyClientCert\n  max_version: TLS12\n",
		"all of it":               withTLS + withCA + "  client_auth_type: RequireAndVerifyClientCert\n" + withUsers + withRate,
		"a rate limit":            withRate,
	} {
		t.Run(name, func(t *testing.T) {
			file := credentials(t, config)
			server := start(t, testConfig(&fakeCluster{}), file, "127.0.0.1")
			flags := flagsFor(file, server.address)
			for range 3 { // More often than the rate limit allows.
				if err := Healthy(t.Context(), flags); err != nil {
					t.Errorf("%v\n%s", err, server.log)
				}
			}
			if strings.Contains(server.log.String(), "level=warn") {
				t.Errorf("the question left warnings in the log:\n%s", server.log)
			}
			must(t, server.stop())
			var unhealthy *UnhealthyError
			if err := Healthy(t.Context(), flags); !errors.As(err, &unhealthy) {
				t.Errorf("after the end it says %v", err)
			}
		})
	}
}

func TestHealthyAtEveryAddress(t *testing.T) {
	closed := closedAddress(t)
	for _, host := range []string{"", "0.0.0.0", "[::]", "[::1]", "127.0.0.1", "127.0.0.2", "localhost"} {
		t.Run("listening on "+host, func(t *testing.T) {
			server := start(t, testConfig(&fakeCluster{}), "", host)
			_, port, err := net.SplitHostPort(server.address)
			must(t, err)
			for _, addresses := range [][]string{
				{host + ":" + port},
				{closed, host + ":" + port},
				{"vsock://:1", host + ":" + port},
			} {
				if err := Healthy(t.Context(), flagsFor("", addresses...)); err != nil {
					t.Errorf("%q: %v", addresses, err)
				}
			}
		})
	}
	t.Run("listening on several", func(t *testing.T) {
		server := start(t, testConfig(&fakeCluster{}), "", "127.0.0.1", "[::1]")
		if err := Healthy(t.Context(), flagsFor("", server.addresses...)); err != nil {
			t.Error(err)
		}
	})
}

func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

// TestOthersAreNotHealthy: an answer that is not ours is none.
func TestOthersAreNotHealthy(t *testing.T) {
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	redirecting := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	defer redirecting.Close()
	encrypted := start(t, testConfig(&fakeCluster{}), credentials(t, withTLS), "127.0.0.1")
	wantsCertificates := credentials(t, withTLS+"  client_auth_type: RequireAnyClientCert\n")
	for name, flags := range map[string]*web.FlagConfig{
		"nobody":                                flagsFor("", closedAddress(t)),
		"another program":                       flagsFor("", stranger.Listener.Addr().String()),
		"a program that redirects":              flagsFor("", redirecting.Listener.Addr().String()),
		"plain where TLS is configured":         flagsFor(credentials(t, withTLS), stranger.Listener.Addr().String()),
		"plain where certificates are wanted":   flagsFor(wantsCertificates, stranger.Listener.Addr().String()),
		"nobody where certificates are wanted":  flagsFor(wantsCertificates, closedAddress(t)),
		"TLS where none is configured":          flagsFor("", encrypted.address),
		"TLS where just a password is expected": flagsFor(credentials(t, withUsers), encrypted.address),
	} {
		var unhealthy *UnhealthyError
		if err := Healthy(t.Context(), flags); !errors.As(err, &unhealthy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHealthySaysWhatItCannotAsk(t *testing.T) {
	yes := true
	systemd := flagsFor("", "127.0.0.1:1")
	systemd.WebSystemdSocket = &yes
	for name, test := range map[string]struct {
		flags *web.FlagConfig
		want  string
	}{
		"a socket of systemd":   {systemd, "--web.systemd-socket: systemd holds the address"},
		"vsock alone":           {flagsFor("", "vsock://:10187"), "vsock addresses cannot be reached"},
		"a port that is chosen": {flagsFor("", "127.0.0.1:0"), "give it a fixed port"},
		"no port":               {flagsFor("", "127.0.0.1"), "missing port"},
		"no file":               {flagsFor("/does/not/exist", ":1"), "--web.config.file: open /does/not/exist"},
		"a key nobody knows":    {flagsFor(credentials(t, "tls_config: {}\n"), ":1"), "field tls_config not found"},
	} {
		err := Healthy(t.Context(), test.flags)
		var unhealthy *UnhealthyError
		if err == nil || errors.As(err, &unhealthy) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", name, err, test.want)
		}
	}
}
