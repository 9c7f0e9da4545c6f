//go:build unix && patroni

// The tests of this package need Patroni and etcd: `make test-patroni` runs them.
package patroni_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience only guards against hanging.
const patience = 3 * time.Minute

// TestDiscovery puts a real cluster through what may happen to it. The source is given
// the URL of one member, which is killed, stopped and moved as the others are.
func TestDiscovery(t *testing.T) {
	s := newScene(t)
	for _, each := range []struct {
		name string
		run  func(*scene)
	}{
		{"found", (*scene).found},
		{"switchover", (*scene).switchover},
		{"failover", (*scene).failover},
		{"the given member is killed", (*scene).givenKilled},
		{"reinit", (*scene).reinit},
		{"a member that changes its address", (*scene).moves},
		{"pause", (*scene).pause},
		{"a scheduled switchover", (*scene).scheduled},
		{"etcd is down", (*scene).etcdDown},
		{"a member that is stopped", (*scene).stopped},
	} {
		if !t.Run(each.name, func(t *testing.T) { each.run(s.under(t)) }) {
			break // The next one begins with a cluster that is well.
		}
	}
}

func (s *scene) found() {
	first, _ := s.leaderAndReplicas()
	var want []discovery.Node
	for _, member := range s.cluster.Members() {
		n := discovery.Node{Name: member.Name, Host: "127.0.0.1", Port: member.Port, Role: "replica", Labels: map[string]string{"clonefrom": "true"}}
		if member == first {
			n.Leader, n.Role = true, "leader"
		}
		want = append(want, n)
	}
	got := s.await("a leader", leads(first.Name))
	for i := range got.Nodes {
		got.Nodes[i].State = ""
	}
	if diff := cmp.Diff(discovery.Found{Nodes: want}, got); diff != "" {
		s.Errorf("found something else (-want +got):\n%s", diff)
	}
}

func (s *scene) switchover() {
	first, replicas := s.leaderAndReplicas()
	must(s.T, s.cluster.SwitchOver(s.Context(), replicas[0], time.Time{}))
	s.await("the new leader", func(found discovery.Found) bool {
		return leads(replicas[0].Name)(found) && follows(found, first.Name)
	})
}

// failover: the killed one is forgotten by etcd after 20 s, and stays a node all the same.
func (s *scene) failover() {
	first, _ := s.leaderAndReplicas()
	must(s.T, first.Kill())
	found := s.await("another leader, and the killed one gone", func(found discovery.Found) bool {
		return leader(found) != "" && leader(found) != first.Name && node(found, first.Name).State == discovery.StateGone
	})
	if n := node(found, first.Name); n.Port != first.Port || n.Leader || n.Role != "" {
		s.Errorf("the killed one is %+v", n)
	}
	must(s.T, first.Start())
	s.await("the killed one back", func(found discovery.Found) bool { return follows(found, first.Name) })
}

// givenKilled: the others tell then.
func (s *scene) givenKilled() {
	given := s.cluster.Member("n1")
	must(s.T, s.cluster.AwaitHealthy(s.Context()))
	must(s.T, given.Kill())
	s.await("a leader, and the given one gone", func(found discovery.Found) bool {
		return leader(found) != "" && leader(found) != given.Name && node(found, given.Name).State == discovery.StateGone
	})
	must(s.T, given.Start())
	s.await("it back", func(found discovery.Found) bool { return follows(found, given.Name) })
}

func (s *scene) reinit() {
	_, replicas := s.leaderAndReplicas()
	marker := filepath.Join(replicas[0].DataDir(), "marker")
	must(s.T, os.WriteFile(marker, nil, 0o600))
	must(s.T, replicas[0].Reinitialize(s.Context()))
	s.await("a new clone", func(found discovery.Found) bool {
		_, err := os.Stat(marker)
		return os.IsNotExist(err) && follows(found, replicas[0].Name)
	})
}

// moves: the given member and another one move; the name stays.
func (s *scene) moves() {
	for _, member := range []*patroni.Member{s.cluster.Member("n1"), s.cluster.Member("n2")} {
		must(s.T, s.cluster.AwaitHealthy(s.Context()))
		before := member.Port
		must(s.T, member.Stop(s.Context()))
		must(s.T, member.Move())
		must(s.T, member.Start())
		found := s.await("it at its new address", func(found discovery.Found) bool {
			return node(found, member.Name).Port == member.Port && leader(found) != "" && node(found, member.Name).State != "stopped"
		})
		if member.Port == before {
			s.Errorf("it did not move: %s", describe(found))
		}
	}
}

func (s *scene) pause() {
	s.leaderAndReplicas()
	must(s.T, s.cluster.Pause(s.Context(), true))
	s.await("a pause", func(found discovery.Found) bool { return found.Paused })
	must(s.T, s.cluster.Pause(s.Context(), false))
	s.await("no pause", func(found discovery.Found) bool { return !found.Paused })
}

func (s *scene) scheduled() {
	first, replicas := s.leaderAndReplicas()
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	must(s.T, s.cluster.SwitchOver(s.Context(), replicas[1], at))
	found := s.await("a scheduled switchover", func(found discovery.Found) bool { return found.Switchover != nil })
	if diff := cmp.Diff(&discovery.Switchover{From: first.Name, To: replicas[1].Name, At: at.UTC()}, found.Switchover); diff != "" {
		s.Errorf("another switchover is found (-want +got):\n%s", diff)
	}
	must(s.T, s.cluster.CancelSwitchOver(s.Context()))
	s.await("none any more", func(found discovery.Found) bool { return found.Switchover == nil })
	must(s.T, s.cluster.SwitchOver(s.Context(), replicas[1], time.Now().Add(10*time.Second)))
	s.await("one soon", func(found discovery.Found) bool { return found.Switchover != nil })
	s.await("it done", func(found discovery.Found) bool { return found.Switchover == nil && leads(replicas[1].Name)(found) })
}

// etcdDown: nobody tells then, which is an error and takes no node away.
func (s *scene) etcdDown() {
	s.leaderAndReplicas()
	must(s.T, s.cluster.StopEtcd(s.Context()))
	if err := s.awaitError(); !strings.Contains(err.Error(), "no member of Patroni tells of the cluster") {
		s.Errorf("without etcd it says %v", err)
	}
	must(s.T, s.cluster.StartEtcd(s.Context()))
	s.await("a leader", func(found discovery.Found) bool { return leader(found) != "" })
}

// stopped: who says good-bye is no node any more once Patroni has forgotten it, and one
// again when it is back, with another tag here.
func (s *scene) stopped() {
	_, replicas := s.leaderAndReplicas()
	leaving := replicas[1]
	must(s.T, leaving.Stop(s.Context()))
	s.await("it stopped", func(found discovery.Found) bool { return node(found, leaving.Name).State == "stopped" })
	all := s.names
	s.names = slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == leaving.Name })
	s.awaitNames()
	leaving.NoFailover = true
	must(s.T, leaving.Start())
	s.names = all
	s.awaitNames()
	s.await("its tag", func(found discovery.Found) bool { return node(found, leaving.Name).Labels["nofailover"] == "true" })
}
