package discovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// named is a member as an answer has it.
func named(name, host string) patroniMember {
	return patroniMember{
		node: Node{Name: name, Host: host, Port: 5432, Role: "replica", State: "running"},
		url:  "http://" + host + ":8008/cluster",
	}
}

func inState(state string, member patroniMember) patroniMember {
	member.node.State = state
	return member
}

// step is an answer, and how long after the one before it it came.
type step struct {
	after   time.Duration
	scope   string
	members []patroniMember
}

// TestMemory: who is a node after some answers; ! is one that is named no more.
func TestMemory(t *testing.T) {
	t.Parallel()
	a, b, c := named("a", "h1"), named("b", "h2"), named("c", "h3")
	all := step{members: []patroniMember{a, b, c}}
	two := []patroniMember{a, b}
	for name, test := range map[string]struct {
		steps []step
		want  string
	}{
		"one answer":                          {[]step{all}, "a@h1 b@h2 c@h3"},
		"one died":                            {[]step{all, {after: time.Minute, members: two}}, "a@h1 b@h2 c@h3!"},
		"it is back":                          {[]step{all, {after: time.Minute, members: two}, all}, "a@h1 b@h2 c@h3"},
		"just short of an hour":               {[]step{all, {after: time.Hour - 1, members: two}}, "a@h1 b@h2 c@h3!"},
		"after an hour":                       {[]step{all, {after: time.Minute, members: two}, {after: 59 * time.Minute, members: two}}, "a@h1 b@h2"},
		"it is stopped":                       {[]step{{members: []patroniMember{a, inState(stopped, b)}}}, "a@h1 b@h2"},
		"it said good-bye":                    {[]step{{members: []patroniMember{a, inState(stopped, b)}}, {members: []patroniMember{a}}}, "a@h1"},
		"it crashed":                          {[]step{{members: []patroniMember{a, inState("crashed", b)}}, {members: []patroniMember{a}}}, "a@h1 b@h2!"},
		"it moved":                            {[]step{all, {members: []patroniMember{a, b, named("c", "h4")}}}, "a@h1 b@h2 c@h4"},
		"another name at its address":         {[]step{all, {members: []patroniMember{a, b, named("d", "h3")}}}, "a@h1 b@h2 d@h3"},
		"one came":                            {[]step{all, {members: []patroniMember{a, b, c, named("d", "h4")}}}, "a@h1 b@h2 c@h3 d@h4"},
		"two changed places":                  {[]step{all, {members: []patroniMember{named("a", "h2"), named("b", "h1"), c}}}, "a@h2 b@h1 c@h3"},
		"another cluster":                     {[]step{{scope: "x", members: two}, {scope: "y", members: []patroniMember{c}}}, "c@h3"},
		"the scope is told after an update":   {[]step{{members: two}, {scope: "x", members: []patroniMember{a}}}, "a@h1 b@h2!"},
		"and no more after a step back":       {[]step{{scope: "x", members: two}, {members: []patroniMember{a}}}, "a@h1 b@h2!"},
		"another cluster after such a step":   {[]step{{scope: "x", members: two}, {members: two}, {scope: "y", members: []patroniMember{c}}}, "c@h3"},
		"all died but the one that is a host": {[]step{all, {after: time.Minute, members: []patroniMember{a}}}, "a@h1 b@h2! c@h3!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, now := memory{}, time.Now()
			for _, step := range test.steps {
				now = now.Add(step.after)
				m = m.after(patroniCluster{scope: step.scope, members: step.members}, now)
			}
			var got []string
			for _, node := range m.nodes() {
				text := node.Name + "@" + node.Host
				if node.State == StateGone {
					text += "!"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("other nodes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMemoryIsBounded: members that come under new names again and again do not pile up,
// and those that went last are kept.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m, now := memory{}, time.Now()
	for i := range 3 * mostNodes {
		now = now.Add(time.Second)
		name := fmt.Sprintf("n%d", i)
		m = m.after(patroniCluster{members: []patroniMember{named(name, name)}}, now)
	}
	oldest := fmt.Sprintf("n%d", 2*mostNodes)
	if _, kept := m.members[oldest]; !kept || len(m.members) != mostNodes {
		t.Errorf("%d members are kept, %s among them: %v", len(m.members), oldest, kept)
	}
}

// TestGoneLeader leads nothing.
func TestGoneLeader(t *testing.T) {
	t.Parallel()
	leader := named("a", "h1")
	leader.node.Leader, leader.node.Role, leader.node.Labels = true, "leader", map[string]string{"nosync": "true"}
	m := memory{}.after(patroniCluster{members: []patroniMember{leader, named("b", "h2")}}, time.Now())
	m = m.after(patroniCluster{members: []patroniMember{named("b", "h2")}}, time.Now())
	want := Node{Name: "a", Host: "h1", Port: 5432, State: StateGone, Labels: map[string]string{"nosync": "true"}}
	if diff := cmp.Diff(want, m.nodes()[0]); diff != "" {
		t.Errorf("another node (-want +got):\n%s", diff)
	}
}

// TestOthers: whom to ask when no given member answers.
func TestOthers(t *testing.T) {
	t.Parallel()
	encrypted, silent := named("d", "h4"), named("e", "h5")
	encrypted.url, silent.url = "https://h4:8008/cluster", ""
	m := memory{}.after(patroniCluster{members: []patroniMember{named("a", "h1"), named("c", "h3")}}, time.Now())
	m = m.after(patroniCluster{members: []patroniMember{named("b", "h2"), named("c", "h3"), encrypted, silent}}, time.Now())
	for name, test := range map[string]struct {
		given     []string
		encrypted bool
		want      string
	}{
		"those that are there first":      {nil, false, "b c d a"},
		"not the given ones":              {[]string{"http://h2:8008/cluster"}, false, "c d a"},
		"by https only, as the given are": {nil, true, "d"},
	} {
		var got []string
		for _, each := range m.others(test.given, test.encrypted) {
			got = append(got, each.name)
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestVouch: an address that was found may be another cluster's by now.
func TestVouch(t *testing.T) {
	t.Parallel()
	known := informant{"b", "http://h2:8008/cluster"}
	m := memory{scope: "x"}
	for name, test := range map[string]struct {
		answer patroniCluster
		want   string // of the error; "" for none
	}{
		"the member":                    {patroniCluster{scope: "x", members: []patroniMember{named("a", "h1"), named("b", "h2")}}, ""},
		"no scope is told":              {patroniCluster{members: []patroniMember{named("b", "h2")}}, ""},
		"the member of a namesake":      {patroniCluster{scope: "y", members: []patroniMember{named("b", "h2")}}, `another cluster now (scope "y")`},
		"another member at the address": {patroniCluster{scope: "x", members: []patroniMember{named("c", "h2")}}, "does not name it any more"},
		"the member elsewhere":          {patroniCluster{scope: "x", members: []patroniMember{named("b", "h9")}}, "does not name it any more"},
	} {
		err := m.vouch(known, test.answer)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestSettled: Patroni is asked sooner while a member may come back elsewhere.
func TestSettled(t *testing.T) {
	t.Parallel()
	a, b := named("a", "h1"), named("b", "h2")
	for name, test := range map[string]struct {
		answers [][]patroniMember
		want    bool
	}{
		"all run":             {[][]patroniMember{{a, inState("streaming", b)}}, true},
		"one is stopped":      {[][]patroniMember{{a, inState(stopped, b)}}, false},
		"one is being made":   {[][]patroniMember{{a, inState("creating replica", b)}}, false},
		"one has no state":    {[][]patroniMember{{a, inState("", b)}}, false},
		"one has gone":        {[][]patroniMember{{a, b}, {a}}, false},
		"it is back":          {[][]patroniMember{{a, b}, {a}, {a, b}}, true},
		"one said good-bye":   {[][]patroniMember{{a, inState(stopped, b)}, {a}}, true},
		"it is somebody else": {[][]patroniMember{{a, b}, {a, named("c", "h2")}}, true},
	} {
		m := memory{}
		for _, members := range test.answers {
			m = m.after(patroniCluster{members: members}, time.Now())
		}
		if got := m.settled(); got != test.want {
			t.Errorf("%s: settled is %v", name, got)
		}
	}
}
