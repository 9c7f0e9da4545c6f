package config

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const digested = `defaults: {dsn: user=canary password=x}
clusters:
- {name: a, labels: {team: one}, nodes: [{name: a1, dsn: host=a1}, {name: a2, dsn: host=a2}]}
- {name: b, discover: {dns: b.example, port: 5432}}
- {name: c, pulse: 1s, nodes: [{name: c1, dsn: host=c1}]}
`

func TestDiff(t *testing.T) {
	unchanged := func(names ...string) Changes { return Changes{Unchanged: names} }
	for name, test := range map[string]struct {
		old, new string // what is replaced
		want     Changes
	}{
		"nothing":          {"", "", unchanged("a", "b", "c")},
		"only its writing": {"dns: b.example, port: 5432", "port: 5432, dns: 'b.example'", unchanged("a", "b", "c")},
		"a default that was in effect": {
			"discover: {dns", "wait: 1s, section: default, discover: {dns", unchanged("a", "b", "c"),
		},
		"a password":        {"password=x", "password=y", unchanged("a", "b", "c")},
		"none any more":     {" password=x", "", Changes{Changed: []Change{{Name: "a", Settings: true, Changed: []string{"a1", "a2"}}, {Name: "b", Settings: true}, {Name: "c", Settings: true, Changed: []string{"c1"}}}}},
		"a cluster's label": {"team: one", "team: two", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Labels: true}}}},
		"no label":          {"labels: {team: one}, ", "", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Labels: true}}}},
		"a setting":         {"pulse: 1s", "pulse: 2s", Changes{Unchanged: []string{"a", "b"}, Changed: []Change{{Name: "c", Settings: true}}}},
		"a password file":   {"pulse: 1s", "pulse: 1s, password_file: /c", Changes{Unchanged: []string{"a", "b"}, Changed: []Change{{Name: "c", Settings: true, Changed: []string{"c1"}}}}},
		"where it is found": {"port: 5432", "port: 5433", Changes{Unchanged: []string{"a", "c"}, Changed: []Change{{Name: "b", Discover: true}}}},
		"nodes for discover": {
			"discover: {dns: b.example, port: 5432}", "nodes: [{name: b1, dsn: host=b}]",
			Changes{Unchanged: []string{"a", "c"}, Changed: []Change{{Name: "b", Discover: true, Added: []string{"b1"}}}},
		},
		"a node's address": {"host=a1", "host=a3", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Changed: []string{"a1"}}}}},
		"a node's freshness": {
			"dsn: host=a1", "dsn: host=a1, fresh_connection: true", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Changed: []string{"a1"}}}},
		},
		"a node's name": {"name: a1", "name: a3", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Added: []string{"a3"}, Removed: []string{"a1"}}}}},
		"the order":     {"{name: a1, dsn: host=a1}, {name: a2, dsn: host=a2}", "{name: a2, dsn: host=a2}, {name: a1, dsn: host=a1}", Changes{Unchanged: []string{"b", "c"}, Changed: []Change{{Name: "a", Reordered: true}}}},
		"a cluster's name": {
			"name: b,", "name: d,", Changes{Unchanged: []string{"a", "c"}, Added: []string{"d"}, Removed: []string{"b"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			was, is := loaded(t, digested), loaded(t, strings.Replace(digested, test.old, test.new, 1))
			got := Diff(was.Digest(), is.Digest())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("other changes (-want +got):\n%s", diff)
			}
			if got.Any() != (len(test.want.Unchanged) < 3) {
				t.Errorf("that there are any is %v", got.Any())
			}
			back := Diff(is.Digest(), was.Digest())
			if len(back.Changed) != len(got.Changed) || len(back.Added) != len(got.Removed) || len(back.Removed) != len(got.Added) {
				t.Errorf("the way back is %+v", back)
			}
		})
	}
}

// TestPrivateDigestKnowsPasswords holds that a reload notices a password, and nobody else does.
func TestPrivateDigestKnowsPasswords(t *testing.T) {
	for _, parameter := range []string{"password", "sslpassword"} {
		was := loaded(t, strings.Replace(digested, "password", parameter, 1))
		is := loaded(t, strings.Replace(digested, "password=x", parameter+"=y", 1))
		if changes := Diff(was.Digest(), is.Digest()); changes.Any() {
			t.Errorf("the digest for everybody is made of %s: %v", parameter, changes)
		}
		if changes := Diff(was.PrivateDigest(), is.PrivateDigest()); len(changes.Changed) != 3 {
			t.Errorf("the private digest does not know %s: %v", parameter, changes)
		}
	}
}

// TestDigestOfACopy holds that a file says the same in another directory, where it names others
// beside it.
func TestDigestOfACopy(t *testing.T) {
	text := strings.Replace(minimal, "name: a,", "name: a, password_file: secrets/a,", 1)
	if changes := Diff(loaded(t, text).Digest(), loaded(t, text).Digest()); changes.Any() {
		t.Errorf("a copy differs: %v", changes)
	}
	found := "clusters: [{name: a, discover: {patroni: ['https://a'], ca_file: ca.pem, cert_file: a.pem, key_file: a.key}}]\n"
	if changes := Diff(loaded(t, found).Digest(), loaded(t, found).Digest()); changes.Any() {
		t.Errorf("a copy with certificates differs: %v", changes)
	}
	other := strings.Replace(text, "secrets/a", "/secrets/a", 1)
	if changes := Diff(loaded(t, text).Digest(), loaded(t, other).Digest()); !changes.Any() {
		t.Error("a file elsewhere is the same")
	}
}

// TestDigestTellsNothing looks for anything but names and sums.
func TestDigestTellsNothing(t *testing.T) {
	text, err := json.Marshal(loaded(t, digested).Digest())
	must(t, err)
	rest := regexp.MustCompile(`"[0-9a-f]{64}"`).ReplaceAllString(string(text), "SUM")
	want := `{"clusters":[{"name":"a","settings":SUM,"labels":SUM,"nodes":[{"name":"a1","digest":SUM},{"name":"a2","digest":SUM}]},` +
		`{"name":"b","settings":SUM,"labels":SUM,"discover":SUM},{"name":"c","settings":SUM,"labels":SUM,"nodes":[{"name":"c1","digest":SUM}]}]}`
	if rest != want {
		t.Errorf("the digest is\n%s, not\n%s", rest, want)
	}
}

func TestTexts(t *testing.T) {
	c := loaded(t, strings.ReplaceAll(example, "password_file: /run/secrets/pg_canary", "password_file: /"+marked)+"  - {name: one, discover: {dns: one.example}, labels: {a: '\"'}}\n")
	want := `5 clusters
  orders: 2 nodes orders-a orders-b env="prod" team="checkout"
  billing: nodes of Patroni at http://pg1.example:8008 http://pg2.example:8008
  carts: nodes at the addresses of carts-nodes.db.svc.cluster.local, port 5432
  search: nodes of the SRV records of _postgresql._tcp.search.example
  one: nodes at the addresses of one.example a="\""
`
	if diff := cmp.Diff(want, c.Summary()); diff != "" {
		t.Errorf("another summary (-want +got):\n%s", diff)
	}
	changes := Changes{
		Added: []string{"a"}, Removed: []string{"b"}, Unchanged: []string{"c"},
		Changed: []Change{
			{Name: "d", Settings: true, Labels: true, Discover: true, Reordered: true},
			{Name: "e", Added: []string{"1", "2"}, Removed: []string{"3"}, Changed: []string{"4"}},
		},
	}
	want = `  added: a
  removed: b
  changed: d (settings, labels, discover, the order of the nodes)
  changed: e (added 1 2, removed 3, changed 4)
  unchanged: 1 cluster
`
	if diff := cmp.Diff(want, changes.String()); diff != "" {
		t.Errorf("other changes (-want +got):\n%s", diff)
	}
}
