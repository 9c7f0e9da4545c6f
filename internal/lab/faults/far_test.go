package faults_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// farLink is a proxy to a server that is a round trip away: each segment is on its way
// for a half of it, and so is the first one of a connection for two halves more.
func farLink(t testing.TB, target string, roundTrip time.Duration) string {
	t.Helper()
	return listen(t, func(client net.Conn) error {
		_ = client.SetDeadline(time.Time{})
		server, err := net.Dial("tcp", target)
		if err != nil {
			return err
		}
		defer server.Close()
		time.Sleep(roundTrip) // The handshake of TCP, which the proxy has answered.
		var passing sync.WaitGroup
		for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
			passing.Go(func() { carry(from, to, roundTrip/2) })
		}
		passing.Wait()
		return nil
	})
}

// segment is what is on its way.
type segment struct {
	data    []byte
	arrives time.Time
}

// carry passes on what one side sends, each piece so much later, and then its end.
func carry(from, to net.Conn, later time.Duration) {
	underway := make(chan segment, 1024)
	var arriving sync.WaitGroup
	arriving.Go(func() {
		for s := range underway {
			time.Sleep(time.Until(s.arrives))
			if _, err := to.Write(s.data); err != nil {
				break
			}
		}
		_ = to.Close() // It may be closed already.
		for range underway {
			continue // What is still underway arrives nowhere.
		}
	})
	for {
		data := make([]byte, 1<<16)
		n, err := from.Read(data)
		if n > 0 {
			underway <- segment{data[:n], time.Now().Add(later)}
		}
		if err != nil {
			close(underway)
			arriving.Wait()
			return
		}
	}
}

// farCase is one far node, scraped every five seconds.
type farCase struct {
	node      string // "primary" or "replica"
	roundTrip time.Duration
	encrypted bool
	waits     bool // for a synchronous standby that is missing
	config    pairConfig
}

func (c farCase) String() string {
	words := []string{c.node, c.roundTrip.String(), "away"}
	if c.encrypted {
		words = append(words, "with TLS")
	}
	if c.waits {
		words = append(words, "and no standby")
	}
	return strings.Join(words, " ")
}

const farInterval = 5 * time.Second

// TestFarNodes scrapes nodes that are far away, as in another region, from the first
// moment on. They are connected by the second scrape and right from then on, and a
// primary that answers psql is never counted as none.
func TestFarNodes(t *testing.T) {
	for _, waits := range []bool{false, true} {
		t.Run(map[bool]string{false: "in good order", true: "standby missing"}[waits], func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			p.closeExporters()
			s := &scene{pair: p}
			for _, server := range []*pgcluster.Server{p.primary, p.replica} {
				s.certify(server)
				s.set(server, "ssl", "on")
			}
			must(t, p.primary.Exec(t.Context(), "ALTER ROLE "+canaryRole+" CONNECTION LIMIT -1")) // There are twelve exporters.
			var cases []farCase
			for _, node := range []string{"primary", "replica"} {
				for _, roundTrip := range []time.Duration{50, 150, 300} {
					for _, encrypted := range []bool{false, true} {
						c := farCase{node: node, roundTrip: roundTrip * time.Millisecond, encrypted: encrypted, waits: waits}
						c.lead(p)
						cases = append(cases, c)
					}
				}
			}
			if waits {
				s.set(p.primary, "synchronous_standby_names", "nobody")
			}
			var running sync.WaitGroup
			for _, c := range cases {
				_, handler := p.newExporter(c.config)
				running.Go(func() { c.run(t, handler) })
			}
			running.Wait()
		})
	}
}

// lead lets the connection string of the far node lead the long way.
func (c *farCase) lead(p *pair) {
	c.config = defaultConfig()
	// Of its own, so that none waits for the row of another.
	c.config.node.Section = strings.ReplaceAll(c.String(), " ", "_")
	p.addSection(c.config.node.Section)
	server, dsn := p.primary, &c.config.primaryDSN
	if c.node == "replica" {
		server, dsn = p.replica, &c.config.replicaDSN
	}
	*dsn = through(server, farLink(p.t, server.Addr(), c.roundTrip))
	if c.encrypted {
		*dsn = strings.Replace(*dsn, "sslmode=disable", "sslmode=require", 1)
	}
}

func (c farCase) run(t *testing.T, handler *collector.Handler) {
	before := samples{}
	for n, began := 1, time.Now(); n <= 4; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n-1) * farInterval))) // As Prometheus does.
		m := scrapeWithin(t, handler, farInterval)
		c.judge(t, n, m, before)
		before = m
	}
}

// judge says what is wrong with the n-th scrape.
func (c farCase) judge(t *testing.T, n int, m, before samples) {
	wrong := func(format string, values ...any) {
		t.Errorf("%s, scrape %d: %s\n%v", c, n, fmt.Sprintf(format, values...), m)
	}
	if count, ok := m["pg_canary_primaries"]; ok && count != 1 {
		wrong("primaries %v", count)
	} else if n > 1 && !ok {
		wrong("no primaries")
	}
	if n == 1 {
		return
	}
	up := map[bool]float64{false: 1, true: 0}[c.waits]
	if m["pg_canary_up"] != up {
		wrong("up %v, want %v", m["pg_canary_up"], up)
	}
	for name, value := range m {
		switch {
		case strings.HasPrefix(name, "pg_canary_node_up") && value != 1:
			wrong("%s %v", name, value)
		case strings.HasPrefix(name, "pg_canary_failures_total") && value != before[name]:
			if !c.waits || !strings.Contains(name, `reason="sync_wait"`) {
				wrong("%s grew", name)
			}
		}
	}
	// A read that takes longer than the limit proves nothing.
	told := !c.waits && (c.node == "primary" || c.roundTrip < 100*time.Millisecond)
	if synced, ok := m["pg_canary_synced"]; ok != told || (ok && synced != 1) {
		wrong("synced %v (there: %v)", synced, ok)
	}
	if lag, ok := m["pg_canary_lag_seconds"]; ok && lag > (c.roundTrip+100*time.Millisecond).Seconds() {
		wrong("a lag of %v s, which the round trip does not explain", lag)
	}
}

// scrapeWithin makes one scrape as Prometheus does that waits so long.
func scrapeWithin(t *testing.T, handler *collector.Handler, timeout time.Duration) samples {
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	text, err := io.ReadAll(recorder.Body)
	must(t, err)
	if recorder.Code != http.StatusOK {
		t.Errorf("a scrape ended in %d: %s", recorder.Code, text)
		return samples{}
	}
	return parse(t, string(text))
}
