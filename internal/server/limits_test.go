package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience only guards against hanging.
const patience = time.Minute

// dial opens a connection that gives up after patience.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

const plainRequest = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

// answered sends a request, reads its answer and returns its status.
func answered(t *testing.T, conn net.Conn, request string) int {
	t.Helper()
	_, err := io.WriteString(conn, request)
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	must(t, err)
	must(t, response.Body.Close())
	if response.Close && response.StatusCode == http.StatusOK {
		t.Error("the server closes the connection after an answer")
	}
	return response.StatusCode
}

// wantClosed waits until the server has closed a connection.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server keeps the connection")
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	config := testConfig(&fakeCluster{})
	config.Limits.Idle = 50 * time.Millisecond
	server := start(t, config, "", "127.0.0.1")
	connections := make([]net.Conn, 50)
	for i := range connections {
		connections[i] = dial(t, server.address)
		if status := answered(t, connections[i], plainRequest); status != http.StatusOK {
			t.Fatalf("connection %d: status %d", i, status)
		}
	}
	for _, conn := range connections {
		wantClosed(t, conn)
	}
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	config := testConfig(&fakeCluster{})
	config.Limits.Header = 100 * time.Millisecond
	server := start(t, config, "", "127.0.0.1")
	for name, first := range map[string]string{"a new connection": "", "a used one": plainRequest} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, server.address)
			if first != "" {
				answered(t, conn, first)
			}
			go func() {
				_, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nX: ")
				for err == nil {
					time.Sleep(5 * time.Millisecond)
					_, err = conn.Write([]byte{'a'})
				}
			}()
			wantClosed(t, conn)
		})
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	server := start(t, testConfig(&fakeCluster{}), "", "127.0.0.1")
	header := func(size int) string {
		return "GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", size) + "\r\n\r\n"
	}
	if status := answered(t, dial(t, server.address), header(8<<10)); status != http.StatusOK {
		t.Errorf("a header of 8 KiB: status %d", status)
	}
	if status := answered(t, dial(t, server.address), header(24<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 24 KiB: status %d", status)
	}
}

// TestClientThatNeverReads asks on one connection until nothing fits into the
// buffers between it and the server, which must not wait for it for ever.
func TestClientThatNeverReads(t *testing.T) {
	config := testConfig(&fakeCluster{})
	config.timeout(100 * time.Millisecond)
	config.Limits.Transfer = 100 * time.Millisecond
	server := start(t, config, "", "127.0.0.1")
	conn := dial(t, server.address)
	must(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	requests := strings.Repeat(plainRequest, 100)
	var err error
	for err == nil {
		_, err = io.WriteString(conn, requests)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server waits for the client")
	}
	if _, status := server.get(t, "/metrics"); status != http.StatusOK {
		t.Errorf("another client gets %d", status)
	}
}

// TestLongScrapeIsNotCutOff: the times that bound a client begin when the probe ends.
func TestLongScrapeIsNotCutOff(t *testing.T) {
	config := testConfig(&fakeCluster{probe: func(ctx context.Context) { <-ctx.Done() }})
	config.timeout(time.Second)
	config.Limits = Limits{Header: 50 * time.Millisecond, Transfer: 200 * time.Millisecond, Idle: 50 * time.Millisecond}
	server := start(t, config, "", "127.0.0.1")
	request := strings.Replace(plainRequest, "\r\n\r\n", "\r\nX-Prometheus-Scrape-Timeout-Seconds: 3600\r\n\r\n", 1)
	if status := answered(t, dial(t, server.address), request); status != http.StatusOK {
		t.Errorf("a scrape that uses its time up gets %d", status)
	}
}

// TestLimitsLeaveRoomForTheLongestScrape looks at the numbers with the exporter's defaults.
func TestLimitsLeaveRoomForTheLongestScrape(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, 5 * time.Second, time.Hour} {
		config := testConfig(&fakeCluster{})
		config.timeout(timeout)
		s := newServer(nil, config.Limits.withDefaults())
		if longest := longestAnswer(config.Clusters, config.TimeoutOffset); longest <= timeout || s.IdleTimeout == 0 || s.ReadHeaderTimeout == 0 {
			t.Errorf("with a probe of %v and an answer after %v the limits are %+v", timeout, longest, s)
		}
	}
}

func TestTooManyScrapesAreRefusedAtOnce(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once // A scrape that comes after the first probe starts another.
	config := testConfig(&fakeCluster{probe: func(context.Context) { once.Do(func() { close(begun) }); <-release }})
	config.Limits.InFlight = 2
	handler, err := routes(config, new(atomic.Bool))
	must(t, err)
	statuses := make(chan int)
	scrape := func() {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		statuses <- recorder.Code
	}
	for range 5 {
		go scrape()
	}
	<-begun
	for range 3 { // The others wait for the probe.
		if status := <-statuses; status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", status)
		}
	}
	healthy := httptest.NewRecorder()
	handler.ServeHTTP(healthy, httptest.NewRequest(http.MethodGet, "/-/healthy", nil))
	if healthy.Code != http.StatusOK {
		t.Errorf("/-/healthy gets %d meanwhile", healthy.Code)
	}
	close(release)
	for range 2 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("status %d, want 200", status)
		}
	}
}

// TestStopDoesNotWaitForClients: one that says nothing and one that does not
// read must not hold up the end.
func TestStopDoesNotWaitForClients(t *testing.T) {
	config := testConfig(&fakeCluster{})
	config.timeout(100 * time.Millisecond)
	config.Limits = Limits{Header: time.Hour, Transfer: time.Hour, Idle: time.Hour}
	server := start(t, config, "", "127.0.0.1")
	silent, half := dial(t, server.address), dial(t, server.address)
	_, err := io.WriteString(half, "GET /met")
	must(t, err)
	answered(t, dial(t, server.address), plainRequest)
	must(t, server.stop())
	wantClosed(t, silent)
	wantClosed(t, half)
}

// TestStopDoesNotWaitForProbes: a scrape that still waits for one is answered with what is known.
func TestStopDoesNotWaitForProbes(t *testing.T) {
	begun, stopped := make(chan struct{}), make(chan struct{})
	config := testConfig(&fakeCluster{probe: func(context.Context) { close(begun); <-stopped }})
	config.timeout(time.Hour)
	config.Stop = func() { close(stopped) }
	server := start(t, config, "", "127.0.0.1")
	status := make(chan int)
	go func() {
		_, got := server.get(t, "/metrics")
		status <- got
	}()
	<-begun
	must(t, server.stop())
	if got := <-status; got != http.StatusOK {
		t.Errorf("the scrape got %d", got)
	}
}
