package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// The paths of the gate, before a cluster's and a node's name.
const (
	FreshPath    = "/fresh"
	WritablePath = "/writable"
)

// The headers of its answers: what was found in one word, and how stale a read may be at the most, in seconds.
const (
	stateHeader = "X-Canary-State"
	lagHeader   = "X-Canary-Lag"
)

// writableMax is how long ago the last beat may have been acknowledged where the client does not say.
const writableMax = time.Second

// Gate says whether a node of a cluster may be used.
type Gate interface {
	// Names returns the names of the nodes.
	Names() []string
	// LeastMax is how stale a read has to be allowed to be.
	LeastMax() time.Duration
	// Fresh and Writable answer a check; the error is [probe.ErrNoNode].
	Fresh(ctx context.Context, ask probe.GateAsk) (probe.GateAnswer, error)
	Writable(ctx context.Context, ask probe.GateAsk) (probe.GateAnswer, error)
}

// gatekeeper answers health checks.
type gatekeeper struct {
	clusters Clusters
	limits   Limits
	checks   atomic.Int64 // that are being answered
}

func newGatekeeper(config Config) *gatekeeper {
	return &gatekeeper{clusters: config.Clusters, limits: config.Limits.withDefaults()}
}

// before answers what is meant for the gate, and leaves the rest to another handler. It does so before a mux, which
// redirects clients to cleaner paths: a redirection is no no to a health check, be it of a path that was misspelt. So no path is.
func (g *gatekeeper) before(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clean := path.Clean("/" + r.URL.Path)
		for _, root := range []string{FreshPath, WritablePath} {
			if clean == root || strings.HasPrefix(clean, root+"/") {
				g.serve(w, r, root)
				return
			}
		}
		if strings.TrimSuffix(r.URL.Path, "/") != strings.TrimSuffix(clean, "/") {
			http.NotFound(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// serve answers a check of one of the two kinds.
func (g *gatekeeper) serve(w http.ResponseWriter, r *http.Request, root string) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "Ask by GET or HEAD.")
		return
	}
	if g.checks.Add(1) > int64(g.limits.Checks) {
		g.checks.Add(-1)
		refuse(w, http.StatusServiceUnavailable, "Too many checks at the same time.")
		return
	}
	defer g.checks.Add(-1)
	below, _ := strings.CutPrefix(r.URL.Path, root+"/")
	name, node, found := strings.Cut(below, "/")
	if !found || name == "" || node == "" || below == r.URL.Path {
		refuse(w, http.StatusNotFound, "Ask for "+root+"/CLUSTER/NODE"+example(root)+". "+meant("cluster", "", g.names()))
		return
	}
	cluster, ok := g.clusters.Find(name)
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Sprintf("There is no cluster %.100q. %s", name, meant("cluster", name, g.names())))
		return
	}
	ask, err := readAsk(r.URL.Query(), root, cluster)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ask.Node = node
	connection, until := http.NewResponseController(w), time.Now().Add(ask.Timeout+g.limits.Transfer)
	_, _ = connection.SetReadDeadline(until), connection.SetWriteDeadline(until)
	check := cluster.Gate.Fresh
	if root == WritablePath {
		check = cluster.Gate.Writable
	}
	answer, err := check(r.Context(), ask)
	if errors.Is(err, probe.ErrNoNode) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("The cluster %s has no node %.100q. %s", name, node, meant("node", node, cluster.Gate.Names())))
		return
	}
	reply(w, &ask, &answer)
}

// reply answers with what a check found.
func reply(w http.ResponseWriter, ask *probe.GateAsk, answer *probe.GateAnswer) {
	header := w.Header()
	header.Set(stateHeader, string(answer.State))
	if answer.Lag != nil {
		header.Set(lagHeader, strconv.FormatFloat(answer.Lag.Seconds(), 'f', 3, 64))
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if !answer.Open {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, explain(ask, answer)+"\n") //nolint:gosec // It is plain text, and no browser takes it for more.
}

// refuse answers a check that cannot be made. None of these answers lets a node pass.
func refuse(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) }

// names returns those of the clusters.
func (g *gatekeeper) names() []string {
	var names []string
	for _, c := range g.clusters.All() {
		names = append(names, c.Name)
	}
	return names
}

// meant says which of some names is likely to be meant by another one or, where none is, which there are.
func meant(what, asked string, names []string) string {
	switch near := config.Nearest(asked, names); {
	case len(names) == 0:
		return "There is no " + what + "."
	case len(near) > 0:
		return "Is it " + strings.Join(near[:min(len(near), mostSuggested)], ", or ") + "?"
	case len(names) <= mostSuggested:
		return "There is " + strings.Join(names, ", ") + "."
	default:
		return fmt.Sprintf("There are %d, such as %s.", len(names), strings.Join(names[:mostSuggested], ", "))
	}
}

// example is how a check ends.
func example(root string) string {
	if root == FreshPath {
		return "?max=500ms"
	}
	return ""
}

// readAsk reads the parameters of a check. The error says what to ask for.
func readAsk(query url.Values, root string, cluster Cluster) (ask probe.GateAsk, err error) {
	for key, values := range query {
		switch {
		case key != "max" && key != "timeout" && (key != "primary-down" || root != FreshPath):
			return ask, fmt.Errorf("there is no parameter %.100q: %s has max, timeout%s", key, root, map[bool]string{true: " and primary-down"}[root == FreshPath])
		case len(values) > 1:
			return ask, fmt.Errorf("the parameter %s is given several times: give it once", key)
		}
	}
	least := cluster.Gate.LeastMax()
	switch given := query.Get("max"); {
	case given == "" && root == FreshPath:
		return ask, fmt.Errorf("how stale may a read be? Ask for %s/CLUSTER/NODE?max=500ms, with %v or more", root, least)
	case given == "":
		ask.Max = max(writableMax, 2*least)
	default:
		if ask.Max, err = time.ParseDuration(given); err != nil {
			return ask, fmt.Errorf("max=%.100q is no time: give one such as max=500ms or max=2s", given)
		}
	}
	if ask.Max < least {
		return ask, fmt.Errorf("max=%v is too small: beats are apart, and nothing can be proved to be newer than %v all the time. "+
			"Ask for max=%v or more, or lower --probe.min-interval (min_interval in a configuration file)", ask.Max, least, least)
	}
	if given := query.Get("timeout"); given != "" {
		longest := cmp.Or(cluster.Timeout, config.Defaults().Timeout)
		if ask.Timeout, err = time.ParseDuration(given); err != nil || ask.Timeout <= 0 || ask.Timeout > longest {
			return ask, fmt.Errorf("timeout=%.100q is no time above 0 up to %v: give one such as timeout=300ms, a little less than the health check waits", given, longest)
		}
	}
	switch query.Get("primary-down") {
	case "":
	case "keep":
		ask.KeepDown = true
	default:
		return ask, errors.New("primary-down can be keep: leave it out to have a node refused while the primary cannot be asked")
	}
	return ask, nil
}
