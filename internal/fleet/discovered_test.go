//go:build unix

package fleet

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// patroni answers as Patroni's REST interface does: with the members that a test says.
type patroni struct {
	*httptest.Server
	mu     sync.Mutex
	answer map[string]any // nil: it fails
}

func newPatroni(t *testing.T) *patroni {
	p := &patroni{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.answer == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(p.answer)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *patroni) say(answer map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// member is a server as Patroni names it.
func member(name, role string, server *pgcluster.Server) map[string]any {
	host, text, _ := net.SplitHostPort(server.Addr())
	port, _ := strconv.Atoi(text)
	return map[string]any{
		"name": name, "role": role, "state": "running", "host": host, "port": port, "timeline": 1,
		"api_url": "http://127.0.0.1:1/patroni", "tags": map[string]any{"nofailover": true},
	}
}

// TestNodesAreFound where Patroni says, come and go with its answers, and stay while it says nothing.
func TestNodesAreFound(t *testing.T) {
	t.Parallel()
	pair, manager := servers(t), newPatroni(t)
	third, err := pair.Servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "third"})
	must(t, err)
	r := run(t, "defaults: {dsn: "+strconv.Quote(common(t, pair.DSN(pair.Primary)))+"}\nclusters:\n  - name: found\n    discover: {patroni: [\""+manager.URL+"\"]}\n")
	if got := r.probe("found"); got.Write != nil || len(got.Nodes) != 0 {
		t.Errorf("before anything was found, a probe says %+v", got)
	}
	eventually(t, "it is published that nothing can be looked up", func() bool {
		up, ok := value(t, discovered{r.Member("found")}, "pg_canary_discovery_up")
		return ok && up == 0
	})
	leader, replica := member("pg-1", "leader", pair.Primary), member("pg-2", "replica", pair.Replica)
	manager.say(map[string]any{"members": []any{replica, leader}, "pause": true})
	r.until("found", "both are probed", has("pg-1", "pg-2"))
	for name, want := range map[string]float64{
		"pg_canary_discovery_up": 1, "pg_canary_discovery_nodes": 2, "pg_canary_discovery_paused": 1, "pg_canary_discovery_node_tag": 2,
	} {
		if got, _ := value(t, discovered{r.Member("found")}, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	before := r.probe("found").Write.Capacity
	manager.say(map[string]any{"members": []any{leader, replica, member("pg-3", "replica", third)}})
	r.until("found", "the third is probed", has("pg-1", "pg-2", "pg-3"))
	manager.say(nil)
	eventually(t, "it is published that nothing can be looked up", func() bool {
		up, ok := value(t, discovered{r.Member("found")}, "pg_canary_discovery_up")
		return ok && up == 0
	})
	if got := r.probe("found"); !has("pg-1", "pg-2", "pg-3")(got) || got.Write.Capacity <= before {
		t.Errorf("without Patroni, a probe says %+v", got)
	}
	// A member that is known by its name is at another address from now on.
	manager.say(map[string]any{"members": []any{leader, member("pg-2", "replica", third)}})
	r.until("found", "the member has moved", func(p *probe.Result) bool {
		return has("pg-1", "pg-2")(p) && p.Nodes[1].Replica != nil && p.Nodes[1].Replica.Synced != nil && *p.Nodes[1].Replica.Synced
	})
	eventually(t, "no session is left where it was", func() bool { return len(sessions(t, pair.Replica)) == 0 })
}

// common is what a connection string has but for where it leads.
func common(t *testing.T, dsn string) string {
	u, err := url.Parse(dsn)
	must(t, err)
	password, _ := u.User.Password()
	return "user=" + u.User.Username() + " password=" + password + " dbname=" + u.Path[1:] + " sslmode=" + u.Query().Get("sslmode")
}
