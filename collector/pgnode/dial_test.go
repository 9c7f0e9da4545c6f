package pgnode

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// peerStub serves each connection in the way that its number asks for, the last way for all
// further ones, and returns the port.
func peerStub(t *testing.T, ways ...func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for number := 0; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close() //nolint:errcheck // The other side has had what it gets.
				ways[min(number, len(ways)-1)](conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		must(t, listener.Close())
		serving.Wait()
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return port
}

// hear reads the first message.
func hear(conn *net.TCPConn) { _, _ = conn.Read(make([]byte, 1024)) }

func resets(conn *net.TCPConn) { hear(conn); _ = conn.SetLinger(0) }

func ends(conn *net.TCPConn) { hear(conn) }

// hangs says nothing until the other side has had enough.
func hangs(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) }

// says answers the first message, and hears the other side out.
func says(answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		hear(conn)
		_, _ = io.WriteString(conn, answer)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// refuses is a server's error after the startup message.
func refuses(code string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		backend := pgproto3.NewBackend(conn, conn)
		_, _ = backend.ReceiveStartupMessage()
		backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: "no", Detail: "of " + code})
		_ = backend.Flush()
	}
}

// alerts takes the TLS that is asked for, and the client for none that it wants.
func alerts(t *testing.T) func(*net.TCPConn) {
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, ClientAuth: tls.RequireAnyClientCert}
	return func(conn *net.TCPConn) {
		hear(conn)
		_, _ = io.WriteString(conn, "S")
		_ = tls.Server(conn, config).HandshakeContext(t.Context())
		_, _ = io.Copy(io.Discard, conn)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	content, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{content}, PrivateKey: key}
}

func pemOf(certificate tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
}

// TestReasonOfAnAttempt connects to what is no server, or none that wants to. What is said
// is said of the attempt that counts.
func TestReasonOfAnAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		mode string
		ways []func(*net.TCPConn)
		want probe.Reason
		says string
	}{
		"no TLS, reset":                   {"disable", []func(*net.TCPConn){resets}, probe.ReasonConnect, ""},
		"TLS, reset":                      {"require", []func(*net.TCPConn){resets}, probe.ReasonConnect, ""},
		"TLS, end":                        {"require", []func(*net.TCPConn){ends}, probe.ReasonConnect, ""},
		"TLS, silence":                    {"require", []func(*net.TCPConn){hangs}, probe.ReasonTimeout, ""},
		"TLS refused":                     {"require", []func(*net.TCPConn){says("N")}, probe.ReasonTLS, "compare sslmode"},
		"TLS that is none":                {"require", []func(*net.TCPConn){says("SHTTP/1.1 400 Bad Request\r\n\r\n")}, probe.ReasonTLS, "compare sslmode"},
		"TLS, silence in the handshake":   {"require", []func(*net.TCPConn){says("S")}, probe.ReasonTimeout, ""},
		"an alert after the handshake":    {"require", []func(*net.TCPConn){alerts(t)}, probe.ReasonTLS, "compare sslmode"},
		"a certificate of nobody":         {"verify-full&sslrootcert=ROOT", []func(*net.TCPConn){alerts(t)}, probe.ReasonTLS, "compare sslmode"},
		"the same, for verify-ca":         {"verify-ca&sslrootcert=ROOT", []func(*net.TCPConn){alerts(t)}, probe.ReasonTLS, "compare sslmode"},
		"prefer, refused, then reset":     {"prefer", []func(*net.TCPConn){says("N"), resets}, probe.ReasonConnect, ""},
		"prefer, refused, then silence":   {"prefer", []func(*net.TCPConn){says("N"), hangs}, probe.ReasonTimeout, ""},
		"prefer, refused, then an answer": {"prefer", []func(*net.TCPConn){says("N"), refuses("28000")}, probe.ReasonAuth, "sslmode=require helps"},
		"another protocol":                {"disable", []func(*net.TCPConn){says("HTTP/1.1 400 Bad Request\r\n\r\n")}, probe.ReasonOther, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "root.crt")
			must(t, os.WriteFile(root, pemOf(selfSigned(t)), 0o600))
			port := peerStub(t, test.ways...)
			config, err := parseDSN("postgres://canary:x@127.0.0.1:" + port + "/app?sslmode=" + strings.Replace(test.mode, "ROOT", root, 1))
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.want == probe.ReasonTimeout {
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			_, err = dialConfig(ctx, config)
			err = withReason(err)
			if got := probe.ReasonOf(err); got != test.want || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v (%s), want %q (%s)", err, got, test.says, test.want)
			}
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "failed to connect to `user=canary database=app`: 127.0.0.1:"+port) ||
				strings.Count(err.Error(), port) > 2 {
				t.Errorf("it is not one line about one attempt: %v", err)
			}
		})
	}
}

// TestReasonOfAList connects to lists of hosts, of which one tells more than the others.
func TestReasonOfAList(t *testing.T) {
	answering, silent, refusing := peerStub(t, refuses("57P03")), peerStub(t, resets), peerStub(t, refuses("28000"))
	for ports, want := range map[string]string{
		answering + "," + silent:                  "57P03",
		silent + "," + answering:                  "57P03",
		answering + "," + refusing + "," + silent: "28000",
		refusing + "," + answering + "," + silent: "57P03",
	} {
		hosts := strings.TrimSuffix(strings.Repeat("127.0.0.1,", strings.Count(ports, ",")+1), ",")
		config, err := parseDSN("host=" + hosts + " port=" + ports + " user=canary password=x sslmode=disable")
		must(t, err)
		_, err = dialConfig(t.Context(), config)
		text := withReason(err).Error()
		if !hasCode(err, want) || !strings.Contains(text, "DETAIL: of "+want) || strings.Count(text, "SQLSTATE") != 1 {
			t.Errorf("%s: %s, want %s alone", ports, text, want)
		}
	}
}

// TestReasonOfARole asks real servers for what they are not, and finds the one that is.
func TestReasonOfARole(t *testing.T) {
	_, primary, replica := pgtest.NewPair(t, pgcluster.Options{})
	config, err := parseDSN(primary.SuperDSN())
	must(t, err)
	list := func(attributes string, servers ...*pgcluster.Server) (*pgconn.PgConn, error) {
		var hosts []string
		for _, server := range servers {
			hosts = append(hosts, server.Addr())
		}
		to, err := parseDSN("postgres://" + config.User + ":" + config.Password + "@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=" + attributes)
		must(t, err)
		return dialConfig(t.Context(), to)
	}
	for _, test := range []struct {
		attributes string
		server     *pgcluster.Server
		want       probe.Reason
	}{
		{"read-write", replica, probe.ReasonReadOnly},
		{"primary", replica, probe.ReasonReadOnly},
		{"read-only", primary, probe.ReasonOther},
		{"standby", primary, probe.ReasonOther},
	} {
		_, err := list(test.attributes, test.server)
		err = withReason(err)
		if probe.ReasonOf(err) != test.want || !strings.Contains(err.Error(), "target_session_attrs="+test.attributes+", and no server") {
			t.Errorf("%s: %v (%s), want %s", test.attributes, err, probe.ReasonOf(err), test.want)
		}
		conn, err := list(test.attributes, primary, replica)
		must(t, err)
		must(t, conn.Close(t.Context()))
	}
	conn, err := list("prefer-standby", primary) // There is no other.
	must(t, err)
	must(t, conn.Close(t.Context()))
}

// TestCancelRequestsAreNoAttempts cancels over a connection that was dialled.
func TestCancelRequestsAreNoAttempts(t *testing.T) {
	d := newStage(t).database(t)
	config, err := parseDSN(d.super())
	must(t, err)
	conn, err := dialConfig(t.Context(), config)
	must(t, err)
	must(t, conn.CancelRequest(t.Context()))
	must(t, conn.Close(t.Context()))
}
