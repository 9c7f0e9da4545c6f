package discovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "patroni", name+".json"))
	must(t, err)
	return content
}

// clusterView is what parseCluster made, in a form that can be compared.
type clusterView struct {
	Scope      string
	Nodes      []Node
	URLs       []string
	Paused     bool
	Switchover *Switchover
	Skipped    []string
}

func plain(c patroniCluster) clusterView {
	view := clusterView{Scope: c.scope, Paused: c.paused, Switchover: c.switchover, Skipped: c.skipped}
	for _, member := range c.members {
		view.Nodes, view.URLs = append(view.Nodes, member.node), append(view.URLs, member.url)
	}
	return view
}

// TestClusterOfEachVersion reads what the versions of Patroni answer.
func TestClusterOfEachVersion(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]clusterView{
		"2.0-paused": {
			Paused: true,
			Nodes: []Node{
				{Name: "pg1", Host: "10.0.0.1", Port: 5432, Leader: true, Role: "leader", State: "running", Labels: map[string]string{"clonefrom": "true"}},
				{Name: "pg2", Host: "10.0.0.2", Port: 5433, Role: "sync_standby", State: "running", Labels: map[string]string{"noloadbalance": "true"}},
				{
					Name: "pg3", Host: "10.0.0.3", Port: 5432, Role: "replica", State: "creating replica",
					Labels: map[string]string{"nofailover": "true", "replicatefrom": "pg2"},
				},
			},
			URLs: []string{"http://10.0.0.1:8008/cluster", "http://10.0.0.2:8008/cluster", "http://10.0.0.3:8008/cluster"},
		},
		"3.0-switchover": {
			Nodes: []Node{
				{Name: "n1", Host: "127.0.0.1", Port: 17501, Leader: true, Role: "leader", State: "running"},
				{Name: "n2", Host: "127.0.0.1", Port: 17502, Role: "replica", State: "running", Labels: map[string]string{"nofailover": "true"}},
			},
			URLs:       []string{"http://127.0.0.1:17601/cluster", "http://127.0.0.1:17602/cluster"},
			Switchover: &Switchover{From: "n1", At: time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)},
		},
		"3.2-standby-cluster": {
			Scope: "dr",
			Nodes: []Node{
				{Name: "dr-0", Host: "fd00::10", Port: 5432, Role: "standby_leader", State: "in archive recovery"},
				{Name: "dr-1", Host: "fd00::11", Port: 5432, Role: "replica", State: "streaming"},
			},
			URLs: []string{"https://[fd00::10]:8008/cluster", "https://[fd00::11]:8008/cluster"},
		},
		"4.1-switchover": {
			Scope: "demo",
			Nodes: []Node{
				{
					Name: "patroni1", Host: "10.89.0.4", Port: 5432, Leader: true, Role: "leader", State: "running",
					Labels: map[string]string{"clonefrom": "true", "failover_priority": "2"},
				},
				{
					Name: "patroni2", Host: "10.89.0.6", Port: 5433, Role: "quorum_standby", State: "streaming",
					Labels: map[string]string{"failover_priority": "0", "nostream": "true"},
				},
				{Name: "patroni3", Host: "patroni3.example", Port: 5432, Role: "replica", State: "stopped"},
			},
			URLs: []string{"http://10.89.0.4:8008/cluster", "http://10.89.0.6:8008/cluster", "http://10.89.0.5:8008/cluster"},
			Switchover: &Switchover{
				From: "patroni1", To: "patroni3", At: time.Date(2026, 9, 24, 8, 36, 0, 250_000_000, time.UTC),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCluster(sample(t, name))
			must(t, err)
			if diff := cmp.Diff(want, plain(got)); diff != "" {
				t.Errorf("another cluster (-want +got):\n%s", diff)
			}
		})
	}
}

// TestClusterInPart: what cannot be used is said, and the rest is used.
func TestClusterInPart(t *testing.T) {
	t.Parallel()
	const good = `{"name":"a","host":"h","port":1}`
	for name, test := range map[string]struct{ members, rest, want string }{
		"no host":                    {members: `{"name":"b"}`, want: `member 2 of the answer ("b") has no host`},
		"host of another type":       {members: `{"name":"b","host":7}`, want: "member 2 of the answer cannot be read"},
		"host that is a path":        {members: `{"name":"b","host":"/run"}`, want: "neither a host name nor an IP address"},
		"host that is a list":        {members: `{"name":"b","host":"x,y"}`, want: "neither a host name nor an IP address"},
		"host with a setting":        {members: `{"name":"b","host":"x' sslmode='disable"}`, want: "neither a host name nor an IP address"},
		"zone with a setting":        {members: `{"name":"b","host":"fe80::1%x sslmode=disable"}`, want: "neither a host name nor an IP address"},
		"no name":                    {members: `{"host":"b"}`, want: "member 2 of the answer has no name"},
		"name that is too long":      {members: `{"host":"b","name":"` + strings.Repeat("x", 254) + `"}`, want: "has no name of 1 to 253 bytes"},
		"name of one before":         {members: `{"name":"a","host":"b"}`, want: `member 2 of the answer has the name "a", as one before it`},
		"address of one before":      {members: `{"name":"b","host":"h","port":1}`, want: `member 2 of the answer ("b") has the address of "a", h:1`},
		"port 0":                     {members: `{"name":"b","host":"b","port":0}`, want: "has the port 0"},
		"port 65536":                 {members: `{"name":"b","host":"b","port":65536}`, want: "has the port 65536"},
		"port that is no number":     {members: `{"name":"b","host":"b","port":"x"}`, want: "member 2 of the answer cannot be read"},
		"no object":                  {members: `"b"`, want: "member 2 of the answer cannot be read"},
		"switchover without a time":  {rest: `,"scheduled_switchover":{"from":"a"}`, want: `the scheduled switchover has the time ""`},
		"switchover without a zone":  {rest: `,"scheduled_switchover":{"at":"2026-01-01T00:00:00"}`, want: "is not of the form"},
		"switchover of another type": {rest: `,"scheduled_switchover":"soon"`, want: "the scheduled switchover cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := good
			if test.members != "" {
				members += "," + test.members
			}
			got, err := parseCluster([]byte(`{"members":[` + members + `]` + test.rest + `}`))
			must(t, err)
			if len(got.members) != 1 || got.members[0].node.Name != "a" {
				t.Errorf("the good member is not used: %+v", got.members)
			}
			if len(got.skipped) != 1 || !strings.Contains(got.skipped[0], test.want) {
				t.Errorf("it says %q, want one line with %q", got.skipped, test.want)
			}
		})
	}
}

// TestClusterOfOtherTypes: what is only shown may have any type.
func TestClusterOfOtherTypes(t *testing.T) {
	t.Parallel()
	got, err := parseCluster([]byte(`{"members":[{"name":"a","host":"h","role":1,"state":null,"api_url":{},"tags":[1],"lag":{}}],
		"pause":"yes","scope":3,"scheduled_switchover":null,"future":{"key":[]}}`))
	must(t, err)
	want := clusterView{Nodes: []Node{{Name: "a", Host: "h", Port: 5432}}, URLs: []string{""}}
	if diff := cmp.Diff(want, plain(got)); diff != "" {
		t.Errorf("another cluster (-want +got):\n%s", diff)
	}
}

func TestNoCluster(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want string }{
		"nothing":               {``, "no cluster in JSON"},
		"a page":                {`<html>`, "no cluster in JSON"},
		"a list":                {`[]`, "no cluster in JSON"},
		"null":                  {`null`, "names no member"},
		"no members":            {`{}`, "names no member"},
		"an empty list":         {`{"members":[]}`, "names no member"},
		"none that can be used": {`{"members":[{"name":"a"}]}`, `names no member that can be used; member 1 of the answer ("a") has no host`},
		"cut off":               {`{"members":[{"name":"a","host":"h"}`, "no cluster in JSON"},
		"too many":              {`{"members":[7` + strings.Repeat(",7", 100) + `]}`, "the answer names 101 servers, and a cluster has 100 at the most"},
		"members of a type":     {`{"members":{"a":{}}}`, "no cluster in JSON"},
	} {
		if _, err := parseCluster([]byte(test.body)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// FuzzPatroniCluster: whatever is answered, what is taken of it can be connected to.
func FuzzPatroniCluster(f *testing.F) {
	for _, name := range []string{"2.0-paused", "3.0-switchover", "3.2-standby-cluster", "4.1-switchover"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(`{"members":[{"name":"a"},{"host":"b"},7,{"name":"c","host":"fe80::1%eth0","port":70000}],"scheduled_switchover":{"at":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseCluster(body)
		if err != nil {
			return
		}
		found := memory{}.after(got, time.Now()).nodes()
		if len(found) == 0 || len(found) != len(got.members) {
			t.Fatalf("%d nodes of %d members", len(found), len(got.members))
		}
		names, places := map[string]bool{}, map[place]bool{}
		for _, node := range found {
			at := place{node.Host, node.Port}
			if node.Name == "" || names[node.Name] || places[at] || checkPlace(node.Host, node.Port) != nil {
				t.Errorf("node %+v among %+v", node, found)
			}
			if strings.ContainsAny(node.Host, " \t\r\n'\"\\/,=@?&") {
				t.Errorf("host %q has a meaning of its own in a connection string", node.Host)
			}
			names[node.Name], places[at] = true, true
		}
	})
}
