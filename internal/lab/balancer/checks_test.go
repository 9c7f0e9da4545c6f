//go:build unix

package balancer

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"sync"
	"testing"
	"time"
)

// checks are those that HAProxy made at the gate: it has to pass by them.
type checks struct {
	server *httptest.Server
	mu     sync.Mutex
	all    map[string][]checked // of /fresh, by the node
}

// checked is one of them, by the test's own clock.
type checked struct {
	came, answered time.Time
	open           bool
}

// watchChecks stands between HAProxy and an exporter.
func watchChecks(t *testing.T, exporter string) *checks {
	c := &checks{all: map[string][]checked{}}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: exporter})
	transport := &http.Transport{DisableKeepAlives: true}
	to.Transport = transport
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came, status := time.Now(), &statusOf{ResponseWriter: w, status: http.StatusOK}
		to.ServeHTTP(status, r)
		if cluster, node := path.Split(r.URL.Path); cluster == "/fresh/default/" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.all[node] = append(c.all[node], checked{came, time.Now(), status.status == http.StatusOK})
		}
	}))
	t.Cleanup(c.server.Close)
	return c
}

type statusOf struct {
	http.ResponseWriter
	status int
}

// WriteHeader keeps the status.
func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (c *checks) address() string { return c.server.Listener.Addr().String() }

// of returns the checks of a node, in the order of their answers.
func (c *checks) of(node string) []checked {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.all[node])
	slices.SortFunc(all, func(a, b checked) int { return a.answered.Compare(b.answered) })
	return all
}

// lastOpen returns when the last check came that let the node pass, and was answered before a moment; zero for none.
func lastOpen(all []checked, before time.Time) (came time.Time) {
	for _, c := range all {
		if c.open && c.answered.Before(before) && c.came.After(came) {
			came = c.came
		}
	}
	return came
}
