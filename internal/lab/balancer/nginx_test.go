//go:build unix

package balancer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// TestNginx runs the guide's configuration: requests go to who reads from the replica while that is fresh, and to who reads from
// the primary while it is not, or nobody says so.
func TestNginx(t *testing.T) {
	s := newScene(t)
	second := s.start(s.DSNs(), "")
	application := func(name string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" { // An error of its own stays one.
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(w, name)
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	port := strconv.Itoa(pgtest.Port(t))
	config := filled(t, example(t, "nginx", 0), "/fresh/orders/", "/fresh/default/", "listen 8000", "listen 127.0.0.1:"+port,
		"10.0.0.5:8080", application("replica"), "10.0.0.6:8080", application("primary"), "10.0.0.8:10187", s.address, "10.0.0.9:10187", second.Address)
	StartNginx(t, "", config, port)
	until := func(what, want string) {
		t.Helper()
		eventually(t, what+" requests go to the "+want, func() bool { return get(t, "http://127.0.0.1:"+port+"/page", 200) == want })
	}
	until("at first", "replica")
	if text := get(t, "http://127.0.0.1:"+port+"/broken", 500); text != "replica" {
		t.Errorf("an error of the application becomes %q", text)
	}
	must(t, s.PauseReplay(t.Context()))
	until("while the replay is paused", "primary")
	must(t, s.ResumeReplay(t.Context()))
	until("after that", "replica")
	must(t, s.running.Stop())
	until("with one exporter", "replica")
	must(t, second.Stop())
	until("without any", "primary")
	if status := get(t, "http://127.0.0.1:"+port+"/-gate/db-b", 404); !strings.Contains(status, "404") {
		t.Errorf("who asks for the gate's own location gets %q", status)
	}
}

// get returns the text of a page, whose status has to be this one.
func get(t *testing.T, address string, status int) string {
	t.Helper()
	response, err := client.Get(address)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != status {
		t.Fatalf("%s answers %s: %s", address, response.Status, text)
	}
	return string(text)
}
