//go:build unix && patroni

package patroni_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

// scene is a cluster, and what is found of it.
type scene struct {
	*testing.T
	cluster *patroni.Cluster
	source  *discovery.Patroni
	names   []string // of the nodes that there have to be in every answer
	last    string
}

// newScene starts a cluster. The source is given the URL of one member.
func newScene(t *testing.T) *scene {
	t.Helper()
	cluster, err := patroni.Start(t.Context(), patroni.Options{})
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(cluster.Logs())
		}
		if err := cluster.Close(); err != nil {
			t.Errorf("close the cluster: %v", err)
		}
	})
	source, err := discovery.NewPatroni(discovery.PatroniOptions{URLs: []string{cluster.Member("n1").URL()}})
	must(t, err)
	return &scene{T: t, cluster: cluster, source: source, names: []string{"n1", "n2", "n3"}}
}

// under is the scene in a test below.
func (s scene) under(t *testing.T) *scene {
	s.T = t
	return &s
}

// await asks until what is found is as wanted. Whatever happens meanwhile, the nodes stay.
func (s *scene) await(what string, wanted func(discovery.Found) bool) discovery.Found {
	s.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var found discovery.Found
		if found, _, err = s.source.Find(s.Context()); err != nil {
			s.say("error: " + err.Error())
			continue
		}
		s.say(describe(found))
		if diff := cmp.Diff(s.names, names(found)); diff != "" {
			s.Fatalf("awaiting %s, other nodes are found (-want +got):\n%s", what, diff)
		}
		if wanted(found) {
			return found
		}
	}
	s.Fatalf("there was not %s; found last: %s, %v", what, s.last, err)
	return discovery.Found{}
}

// say logs what is found when it changes.
func (s *scene) say(text string) {
	if text != s.last {
		s.last = text
		s.Log(text)
	}
}

func names(found discovery.Found) []string {
	var all []string
	for _, node := range found.Nodes {
		all = append(all, node.Name)
	}
	return all
}

// describe is a line about what was found.
func describe(found discovery.Found) string {
	var words []string
	for _, node := range found.Nodes {
		text := fmt.Sprintf("%s:%d %s (%s)", node.Name, node.Port, node.Role, node.State)
		for _, label := range slices.Sorted(maps.Keys(node.Labels)) {
			text += " " + label + "=" + node.Labels[label]
		}
		words = append(words, text)
	}
	if found.Paused {
		words = append(words, "paused")
	}
	if s := found.Switchover; s != nil {
		words = append(words, fmt.Sprintf("switchover from %s to %s at %s", s.From, s.To, s.At.Format(time.TimeOnly)))
	}
	return strings.Join(append(words, found.Skipped...), ", ")
}

func node(found discovery.Found, name string) discovery.Node {
	for _, each := range found.Nodes {
		if each.Name == name {
			return each
		}
	}
	return discovery.Node{}
}

// leader returns the name of the only leader; "" for none or several.
func leader(found discovery.Found) string {
	var leaders []string
	for _, each := range found.Nodes {
		if each.Leader {
			leaders = append(leaders, each.Name)
		}
	}
	if len(leaders) != 1 {
		return ""
	}
	return leaders[0]
}

// follows tells whether a member is a replica that runs.
func follows(found discovery.Found, name string) bool {
	n := node(found, name)
	return n.Role == "replica" && (n.State == "running" || n.State == "streaming")
}

func leads(name string) func(discovery.Found) bool {
	return func(found discovery.Found) bool { return leader(found) == name && node(found, name).State == "running" }
}

// leaderAndReplicas returns who is what.
func (s *scene) leaderAndReplicas() (*patroni.Member, []*patroni.Member) {
	s.Helper()
	must(s.T, s.cluster.AwaitHealthy(s.Context()))
	first, err := s.cluster.Leader(s.Context())
	must(s.T, err)
	return first, slices.DeleteFunc(s.cluster.Members(), func(m *patroni.Member) bool { return m == first })
}

// awaitNames asks until the nodes are those that there have to be.
func (s *scene) awaitNames() {
	s.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if found, _, err := s.source.Find(s.Context()); err == nil {
			s.say(describe(found))
			if slices.Equal(names(found), s.names) {
				return
			}
		}
	}
	s.Fatalf("the nodes are not %q; found last: %s", s.names, s.last)
}

// awaitError asks until that fails. As long as it does not, the nodes stay.
func (s *scene) awaitError() error {
	s.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		found, _, err := s.source.Find(s.Context())
		if err != nil {
			s.say("error: " + err.Error())
			return err
		}
		s.say(describe(found))
		if diff := cmp.Diff(s.names, names(found)); diff != "" {
			s.Fatalf("other nodes are found (-want +got):\n%s", diff)
		}
	}
	s.Fatalf("it does not fail; found last: %s", s.last)
	return nil
}
