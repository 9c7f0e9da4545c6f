package fleet

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// TestLogFound: each thing is said once, when it comes and when it is over.
func TestLogFound(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)
	node := discovery.Node{Name: "a", Host: "10.0.0.1", Port: 5432, Role: "replica", State: "running"}
	changed := func(change func(*discovery.Node)) discovery.Found {
		n := node
		change(&n)
		return discovery.Found{Nodes: []discovery.Node{n}}
	}
	plain := discovery.Found{Nodes: []discovery.Node{node}}
	gone := changed(func(n *discovery.Node) { n.State = discovery.StateGone })
	paused := discovery.Found{Nodes: plain.Nodes, Paused: true}
	skipped := discovery.Found{Nodes: plain.Nodes, Skipped: []string{"member 2 of the answer has no host"}}
	planned := discovery.Found{Nodes: plain.Nodes, Switchover: &discovery.Switchover{From: "a", To: "b", At: at}}
	open := discovery.Found{Nodes: plain.Nodes, Switchover: &discovery.Switchover{From: "a", At: at.Add(time.Hour)}}
	for name, test := range map[string]struct {
		before *discovery.Found
		after  discovery.Found
		want   []string
	}{
		"the first answer":       {nil, plain, nil},
		"the first answer, so":   {nil, paused, []string{`level=info msg="Patroni is paused: nobody fails over by itself"`}},
		"another role and state": {&plain, changed(func(n *discovery.Node) { n.Leader, n.Role, n.State = true, "leader", "streaming" }), nil},
		"other tags":             {&plain, changed(func(n *discovery.Node) { n.Labels = map[string]string{"nosync": "true"} }), nil},
		"a node more":            {&plain, discovery.Found{Nodes: []discovery.Node{node, {Name: "b", Host: "b", Port: 1}}}, nil},
		"another host":           {&plain, changed(func(n *discovery.Node) { n.Host = "fd00::7" }), []string{`level=info msg="a node is at another address" node=a from=10.0.0.1:5432 to=[fd00::7]:5432`}},
		"another port":           {&plain, changed(func(n *discovery.Node) { n.Port = 5433 }), []string{`level=info msg="a node is at another address" node=a from=10.0.0.1:5432 to=10.0.0.1:5433`}},
		"gone":                   {&plain, gone, []string{`level=warn msg="Patroni knows a node no more; it is probed for another hour" node=a address=10.0.0.1:5432`}},
		"cloned anew":            {&plain, changed(func(n *discovery.Node) { n.State = "creating replica" }), []string{`level=info msg="Patroni says that a node's state has changed" node=a from=running to="creating replica"`}},
		"gone all the while":     {&gone, gone, nil},
		"back":                   {&gone, plain, []string{`level=info msg="Patroni knows a node again" node=a address=10.0.0.1:5432 state=running`}},
		"paused all the while":   {&paused, paused, nil},
		"paused no more":         {&paused, plain, []string{`level=info msg="Patroni is paused no more"`}},
		"skipped":                {&plain, skipped, []string{`level=warn msg="what was found of the cluster's nodes cannot all be used" err="member 2 of the answer has no host"`}},
		"skipped all the while":  {&skipped, skipped, nil},
		"planned":                {&plain, planned, []string{`level=info msg="a switchover is scheduled" switchover="from a to b at 2026-07-01T03:00:00Z"`}},
		"planned all the while":  {&planned, planned, nil},
		"planned for later":      {&planned, open, []string{`level=info msg="a switchover is scheduled" switchover="from a at 2026-07-01T04:00:00Z"`}},
		"not planned any more":   {&planned, plain, []string{`level=info msg="a switchover is scheduled no more: it is done, or was taken back" switchover="from a to b at 2026-07-01T03:00:00Z"`}},
	} {
		var text bytes.Buffer
		logFound(log.NewLogfmtLogger(&text), test.before, test.after)
		if diff := cmp.Diff(strings.Join(test.want, "\n"), strings.TrimSpace(text.String())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
