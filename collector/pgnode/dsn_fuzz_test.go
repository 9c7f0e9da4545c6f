package pgnode

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// wire stands in for the network and every server on it. It keeps what a
// connection gives away before a password is asked for.
type wire struct {
	mu   sync.Mutex
	seen strings.Builder
	done sync.WaitGroup
}

func (w *wire) saw(args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintln(&w.seen, args...)
}

func (w *wire) lookup(_ context.Context, host string) ([]string, error) {
	w.saw("lookup", host)
	return []string{"127.0.0.1"}, nil
}

func (w *wire) dial(_ context.Context, network, address string) (net.Conn, error) {
	w.saw("dial", network, address)
	client, server := net.Pipe()
	w.done.Go(func() { w.serve(server) })
	return client, nil
}

// serve refuses as PostgreSQL does, with all that it was told in the message.
func (w *wire) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // It is a pipe.
	backend := pgproto3.NewBackend(conn, conn)
	for {
		message, err := backend.ReceiveStartupMessage()
		switch message := message.(type) {
		case *pgproto3.SSLRequest:
			_, _ = conn.Write([]byte("N"))
		case *pgproto3.StartupMessage:
			w.saw("startup", message.Parameters)
			backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: fmt.Sprint("no: ", message.Parameters)})
			_ = backend.Flush()
			return
		default:
			w.saw("other", err)
			return
		}
	}
}

// connect connects over the wire and returns the error as the log has it.
func (w *wire) connect(t *testing.T, node *Node) string {
	t.Helper()
	node.read = func(dsn string) (connection, error) {
		to, err := readDSN(dsn)
		to.config.DialFunc, to.config.LookupFunc = w.dial, w.lookup
		return to, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := node.Connect(ctx)
	if err == nil {
		t.Fatal("the server that refuses everybody took it")
	}
	if err := node.Close(ctx); err != nil {
		t.Fatal(err)
	}
	w.done.Wait()
	return err.Error()
}

// configOf returns what the driver gets of a connection string.
func configOf(t *testing.T, dsn string) *pgconn.Config {
	t.Helper()
	config, err := parseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// quiet says that none of the texts holds the password.
func quiet(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, marked) {
			t.Errorf("the password is given away: %q", text)
		}
	}
}

// forms are how a password is written into what is meant as a connection
// string, rightly and wrongly. The password stands where operators put it; the
// other parts are free, but have no = before it: "host=db options=PASSWORD" would
// be no mistake that can be found.
var forms = []func(p pieces) string{
	func(p pieces) string { // A URL, with one of several words for ://, : and @.
		return p.lead + p.scheme + p.user + p.pick(":", ":", ":", "/", ";", ",", "%3A") + p.before + marked + p.after + p.pick2("@", "@", "@", "%40") + p.host + p.tail
	},
	func(p pieces) string { // Pairs, with one of several words for = and the separator.
		is, between, password := p.pick("=", " = ", ":", ": ", "= "), p.pick2(" ", "\n", ";", ",", "&", "\u00a0", ""), p.pick("password", "Password", "pwd", "PGPASSWORD")
		return p.lead + "host" + is + p.host + between + "user" + is + p.user + between + password + is + p.before + marked + p.after + between + p.tail
	},
	func(p pieces) string { // Quoted pairs.
		quote := p.pick("'", `"`, "’", "`")
		return p.lead + "user=" + quote + p.user + quote + " password=" + quote + p.before + marked + p.after + quote + p.tail
	},
	func(p pieces) string { // A parameter after the ?.
		return p.lead + p.scheme + p.host + p.pick("?", "/?", ";", "&") + p.pick2("password", "Password", "pass", "sslpassword") + "=" + p.before + marked + p.after + p.tail
	},
}

type pieces struct {
	lead, scheme, user, before, after, host, tail string
	choice                                        uint8
}

func (p pieces) pick(words ...string) string  { return words[int(p.choice&15)%len(words)] }
func (p pieces) pick2(words ...string) string { return words[int(p.choice>>4)%len(words)] }

// FuzzDSN holds that no output of any kind has the password in it, whatever
// stands around it: neither the error of a string that is refused, nor, of one that
// is taken, the node's name, the dropped parameters, what goes to the name service
// and to the server before it asks for the password, or the error of connecting.
func FuzzDSN(f *testing.F) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") {
			f.Setenv(name, "")
		}
	}
	f.Setenv("HOME", f.TempDir())
	seedDSN(f)
	f.Fuzz(func(t *testing.T, form, choice uint8, lead, scheme, user, before, after, host, tail string) {
		all := lead + scheme + user + before + after + host + tail
		if strings.ContainsAny(lead+scheme+user+before+host, "=") || strings.Contains(all, "/dev") || strings.Contains(all, "/proc") || len(all) > 500 {
			return // It is of no interest, or too much for the machine.
		}
		dsn := forms[int(form)%len(forms)](pieces{lead, scheme, user, before, after, host, tail, choice})
		node, err := New(dsn, Options{})
		if err != nil {
			quiet(t, err.Error())
			return
		}
		var w wire
		text := w.connect(t, node)
		quiet(t, node.Name(), strings.Join(node.Dropped(), " "), text, w.seen.String())
		want, err := pgconn.ParseConfig(strings.TrimFunc(dsn, invisible))
		if err != nil {
			t.Fatalf("%q is taken, and the driver refuses it: %v", dsn, err)
		}
		if want.User == "" {
			// An empty one is none for libpq, and so here; the driver takes it as it is.
			want.User = configOf(t, "host=db").User
		}
		if diff := cmp.Diff(read(want), read(configOf(t, dsn))); diff != "" {
			t.Errorf("%q is not read as the driver reads it: %s", dsn, diff)
		}
	})
}

func seedDSN(f *testing.F) {
	for _, lead := range []string{"", " ", `"`, "'", "“", "export PGHOST", "- ", "jdbc:", "PG_CANARY_PRIMARY_DSN", "#", "psql "} {
		f.Add(uint8(0), uint8(0), lead, "postgres://", "canary", "", "", "db:5432", "/app")
		f.Add(uint8(1), uint8(0), lead, "", "canary", "", "", "db", "dbname=app")
	}
	for _, scheme := range []string{"postgresql://", "pgsql://", "http://", "POSTGRES://", "postgres:/", "//", "", "postgres://a@b,postgres://"} {
		f.Add(uint8(0), uint8(0), "", scheme, "canary", "", "", "db", "/app?sslmode=disable")
		f.Add(uint8(3), uint8(0), "", scheme, "canary", "", "", "db", "&user=canary&keepalives=1")
	}
	for _, piece := range []string{"/", "@", "?", "#", "%", "%zz", ":", ";", ",", "&", " ", "\n", "\\", "'", `"`, "12/", "12/?options", "\u00a0", "[", "]", "\x00", "x' options"} {
		for form := range uint8(len(forms)) {
			f.Add(form, uint8(0), "", "postgres://", "canary", piece, "", "db", "")
			f.Add(form, uint8(0), "", "postgres://", "canary", "", piece, "db", "")
			f.Add(form, uint8(0), "", "postgres://", piece, "", "", "db", "")
			f.Add(form, uint8(0), "", "postgres://", "canary", "", "", piece, "")
			f.Add(form, uint8(0), "", "postgres://", "canary", "", "", "db", piece)
		}
	}
	for choice := range uint8(255) {
		for form := range uint8(len(forms)) {
			f.Add(form, choice, "", "postgres://", "canary", "", "", "db", "")
		}
	}
	for _, tail := range []string{
		" sslmode=require", " sslmode=disable keepalives=1 options='-c a=b'", " application_name=x target_session_attrs=primary",
		" hostaddr=1 sslcrl=x", " sslnegotiation=direct", " service=x", " host=/tmp,b port=1,2",
	} {
		f.Add(uint8(1), uint8(0), "", "", "canary", "", "", "db", tail)
	}
}
