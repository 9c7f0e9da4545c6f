package pgnode

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestAlertAfterTheHandshake: a server that does not accept the client's certificate says
// so when the client has ended the handshake, and hangs up before it gets a message.
func TestAlertAfterTheHandshake(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	hungUp := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			hungUp <- err
			return
		}
		server := tls.Server(conn, &tls.Config{
			MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert,
			Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		})
		_ = server.Handshake() // There is no certificate.
		_ = conn.(*net.TCPConn).SetLinger(0)
		hungUp <- conn.Close()
	}()
	network, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	defer network.Close()
	conn := tls.Client(&openingConn{Conn: network}, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // It is not what is tested.
	must(t, conn.Handshake())
	must(t, <-hungUp)
	if _, err = io.WriteString(conn, "startup"); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if reason := reasonOf(err, ""); reason != probe.ReasonTLS {
		t.Errorf("the reason is %q, want %q: %v", reason, probe.ReasonTLS, err)
	}
}
