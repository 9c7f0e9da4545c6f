package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marked is a password that must not appear in any fault.
const marked = "hunter2MARK"

// mistaken are files with mistakes, and what is said of each: its place, and a part of the text.
var mistaken = map[string]struct {
	content string
	want    []string
}{
	"empty":           {"", []string{"1:1: the file is empty: give clusters"}},
	"only a comment":  {"# nothing\n\n", []string{"1:1: the file is empty"}},
	"only null":       {"---\n~\n", []string{"1:1: the file is empty"}},
	"a list":          {"- name: a\n", []string{"1:1: the file consists of keys with values (key: value): it has defaults, clusters"}},
	"a word":          {"orders\n", []string{"1:1: the file consists of keys"}},
	"no clusters":     {"defaults: {wait: 1s}\n", []string{"1:1: the file has no clusters: give one"}},
	"an empty list":   {"clusters: []\n", []string{"1:11: clusters is empty: give one at least"}},
	"no value":        {"clusters:\n", []string{"1:10: clusters has no value"}},
	"not a list":      {"clusters: {name: a}\n", []string{"1:11: clusters is a list: write [one, two]"}},
	"an empty one":    {"clusters:\n-\n", []string{"2:2: a cluster has no value"}},
	"two documents":   {minimal + "---\nclusters: []\n", []string{"3:1: a second document begins here"}},
	"a broken second": {minimal + "---\n{\n", []string{"4:1: this is not YAML: "}},
	"a tab":           {"clusters:\n\t- name: a\n", []string{"2:2: this is not YAML: found character that cannot start any token"}},
	"an open quote":   {"clusters:\n  - name: 'a\n", []string{"2:3: this is not YAML: found unexpected end of stream"}},
	"bad indentation": {
		"defaults: {}\nclusters:\n  - name: a\n    nodes:\n      - {name: a, dsn: host=a}\n   wait: 1s\n",
		[]string{"6:4: this is not YAML: did not find expected"},
	},
	"an indented key":        {"clusters:\n- name: a\n   wait: 1s\n", []string{"3:4: this is not YAML: mapping values are not allowed"}},
	"anchor and alias":       {"defaults: &d {wait: 1s}\nclusters:\n- {name: a, nodes: [*n, {name: &x b, dsn: host=b}]}\n", []string{"1:1: this is not YAML: anchors (&), aliases (*)"}},
	"an anchor":              {"defaults: &d {wait: 2s}\n" + minimal, []string{"1:11: anchors (&), aliases (*) and merge keys (<<) are not taken: what clusters share is written once in defaults"}},
	"an alias":               {"clusters:\n- {name: a, labels: &l {team: x}, nodes: [{name: a, dsn: host=a}]}\n- {name: b, labels: *l, nodes: [{name: a, dsn: host=b}]}\n", []string{"2:21: anchors", "3:21: anchors"}},
	"a merge key":            {"clusters:\n- {<<: {wait: 1s}, name: a, nodes: [{name: a, dsn: host=a}]}\n", []string{"2:4: anchors"}},
	"a merged label":         {"clusters:\n- {name: a, labels: {<<: {b: c}}, nodes: [{name: a, dsn: host=a}]}\n", []string{"2:22: anchors"}},
	"a key that is an alias": {"defaults: {&k wait: 1s, *k : 2s}\n" + minimal, []string{"1:12: anchors", "1:25: anchors"}},
	"a password with a star": {"defaults: {password_file: *" + marked + "}\n" + minimal, []string{"1:1: this is not YAML: anchors (&), aliases (*) and merge keys (<<) are not taken: what clusters share is written once in defaults; a value that begins with * is written in quotes"}},
	"a tag":                  {"defaults: {dsn: !env DSN}\n" + minimal, []string{"1:17: tags (!) are not taken"}},
	"a tagged key":           {"defaults: {!!str wait: 1s}\n" + minimal, []string{"1:12: a key of defaults is a plain word"}},
	"a key of keys":          {"defaults: {{a: b}: 1s}\n" + minimal, []string{"1:12: a key of defaults is a plain word"}},
	"misspelt":               {"defaults: {syncd_within: 1s}\n" + minimal, []string{`1:12: defaults has no key "syncd_within": is it synced_within?`}},
	"swapped":                {"default: {wait: 1s}\n" + minimal, []string{`1:1: the file has no key "default": is it defaults?`}},
	"elsewhere":              {"wait: 1s\n" + minimal, []string{"1:1: the file has no key wait: it belongs into a cluster or defaults"}},
	"of a connection string": {"clusters:\n- {name: a, nodes: [{name: a, host: a, sslmode: disable}]}\n", []string{
		"2:21: the node's connection string has no host", "2:31: a node has no key host: write it into dsn, as host=…", "2:40: a node has no key sslmode: write it into dsn",
	}},
	"not near to any":     {"clusters:\n- {name: a, nodes: [{name: a, dsn: host=a, " + marked + ": x}]}\n", []string{"2:44: a node has no such key: it has name, dsn, fresh_connection"}},
	"a key twice":         {"defaults:\n  wait: 1s\n  pulse: 1s\n  wait: 2s\n" + minimal, []string{"4:3: this key is given twice: remove one; the first is in line 2"}},
	"clusters twice":      {minimal + minimal, []string{"3:1: this key is given twice: remove one; the first is in line 1"}},
	"a label twice":       {"clusters:\n- {name: a, labels: {b: c, b: d}, nodes: [{name: a, dsn: host=a}]}\n", []string{"2:28: this key is given twice"}},
	"a cluster twice":     {minimal + "- {name: a, nodes: [{name: a, dsn: host=a}]}\n", []string{"3:10: another cluster has this name, in line 2"}},
	"a node twice":        {"clusters:\n- name: a\n  nodes:\n  - {name: a, dsn: host=a}\n  - {name: a, dsn: host=b}\n", []string{"5:12: another node has this name, in line 4"}},
	"no names":            {"clusters:\n- nodes: [{dsn: host=a}]\n", []string{"2:3: a cluster has no name: give one", "2:11: a node has no name: give one"}},
	"bad names":           {"clusters:\n- {name: a b, nodes: [{name: 'postgres://c:" + marked + "@h', dsn: host=a}]}\n", []string{"2:10: that is not a name for a cluster (3 bytes): use 1 to 63", "2:30: that is not a name for a node"}},
	"names that are none": {"clusters:\n- {name: 1, nodes: [{name: yes, dsn: host=a}, {name: 1e3, dsn: host=b}]}\n", []string{`2:10: name is not a string: write the value in quotes, as in "1"`, "2:54: name is not a string"}},
	"a bad section":       {"defaults: {section: 'x " + marked + "'}\n" + minimal, []string{"1:21: section: that is not a name for a canary section"}},
	"durations":           {"defaults: {wait: soon, pulse: 1, timeout: 1d, min_interval: [1s]}\n" + minimal, []string{"1:18: wait is not a duration: give a number with its unit", "1:31: pulse is not", "1:43: timeout is not", "1:61: min_interval is one value"}},
	"durations below":     {"defaults: {wait: 0s, timeout: -1s, min_interval: -1ms, pulse: 99ms}\n" + minimal, []string{"1:18: wait: 0s must be above 0", "1:31: timeout: -1s must be above 0", "1:50: min_interval: -1ms is below 0", "1:63: pulse: 99ms is below 100ms"}},
	"a late verdict":      {"defaults: {wait: 1s, synced_within: 1s}\n" + minimal, []string{"1:37: wait: 1s does not exceed synced_within: 1s"}},
	"a late verdict, in part inherited": {
		"defaults: {wait: 500ms}\nclusters:\n- {name: a, synced_within: 700ms, nodes: [{name: a, dsn: host=a}]}\n- {name: b, nodes: [{name: a, dsn: host=b}]}\n",
		[]string{"3:28: wait: 500ms does not exceed synced_within: 700ms"},
	},
	"a late verdict, inherited": {"defaults: {synced_within: 2s}\n" + minimal, []string{"1:27: wait: 1s does not exceed synced_within: 2s"}},
	"a bad setting, inherited":  {"defaults: {wait: soon}\nclusters:\n- {name: a, synced_within: 2s, nodes: [{name: a, dsn: host=a}]}\n", []string{"1:18: wait is not a duration"}},
	"a strange commit":          {"defaults: {synchronous_commit: " + marked + "}\n" + minimal, []string{"1:32: synchronous_commit is not one of off, local"}},
	"a commit without quotes":   {"defaults: {synchronous_commit: true}\n" + minimal, []string{"1:32: synchronous_commit is not a string"}},
	"a password file of lines":  {"defaults: {password_file: \"a\\nb\"}\n" + minimal, []string{"1:27: password_file has a line break"}},
	"two passwords":             {"defaults: {dsn: password=" + marked + ", password_file: /x}\n" + minimal, []string{"1:54: dsn has a password beside password_file"}},
	"a bad DSN, once":           {"defaults: {dsn: 'postgres://canary:x/" + marked + "@db/app'}\nclusters:\n- {name: a, dsn: sslmode=verify, nodes: [{name: a, dsn: 'host=a port=x'}]}\n- {name: b, nodes: [{name: b}]}\n", []string{"1:17: dsn: the connection string has more than one @", "3:18: dsn: sslmode is not one of", "3:57: dsn: a port is not a number"}},
	"an empty DSN":              {"defaults: {dsn: ''}\nclusters:\n- {name: a, nodes: [{name: a, dsn: ' '}]}\n", []string{"1:17: dsn: the connection string is empty", "3:36: dsn: the connection string is empty"}},
	"no DSN":                    {"clusters:\n- {name: a, nodes: [{name: a}]}\n", []string{"2:21: the node's connection string has no host: give dsn with host=…"}},
	"no host":                   {"defaults: {dsn: user=canary}\nclusters:\n- {name: a, nodes: [{name: a, dsn: user=other}]}\n", []string{"3:36: the node's connection string has no host"}},
	"a DSN's own mistake":       {"clusters:\n- {name: a, nodes: [{name: a, dsn: 'host=a password=b" + marked + " synchronous_commit=off'}]}\n", []string{"2:36: dsn: the parameter synchronous_commit is not supported: use --probe.synchronous-commit, or synchronous_commit of a configuration file"}},
	"ports of others":           {"defaults: {dsn: 'host=a,b port=1,2'}\nclusters:\n- {name: a, nodes: [{name: a, dsn: host=c}, {name: b, dsn: port=3}]}\n", []string{"3:36: dsn: the connection string has hosts of its own"}},
	"more ports than hosts":     {"clusters:\n- {name: a, dsn: host=c, nodes: [{name: b, dsn: 'port=1,2'}]}\n", []string{"2:49: dsn: the connection string has several ports, but not one for each host"}},
	"a service and a host":      {"defaults: {dsn: host=a}\nclusters:\n- {name: a, nodes: [{name: a, dsn: service=main}]}\n", []string{"3:36: dsn: the connection string names a service"}},
	"neither":                   {"clusters:\n- {name: a}\n", []string{"2:3: a cluster has nodes, or discover says where they are"}},
	"both":                      {"clusters:\n- {name: a, nodes: [{name: a, dsn: host=a}], discover: {dns: a.b}}\n", []string{"2:56: a cluster has either nodes or discover"}},
	"no nodes":                  {"clusters:\n- {name: a, nodes: []}\n", []string{"2:20: nodes is empty"}},
	"a node that is a DSN":      {"clusters:\n- {name: a, nodes: ['host=a password=" + marked + "']}\n", []string{"2:21: a node consists of keys with values (key: value): it has name, dsn, fresh_connection"}},
	"no boolean":                {"clusters:\n- {name: a, nodes: [{name: a, dsn: host=a, fresh_connection: yes}]}\n", []string{"2:62: fresh_connection is true or false"}},
	"labels": {
		"clusters:\n- name: a\n  labels:\n    cluster: x\n    1: x\n    a-b: x\n    __address__: x\n    num: 1\n    'yes': yes\n    empty: ''\n    list: [x]\n    nothing:\n    lines: \"a\\nb\"\n    good: 'yes'\n  nodes: [{name: a, dsn: host=a}]\n",
		[]string{
			"4:5: the label cluster is set by", "5:5: this is not a name for a label", "6:5: this is not a name", "7:5: labels that begin with __",
			"8:10: this label is not a string: write the value in quotes", "10:12: this label is empty",
			"11:11: this label is one value", "12:13: this label has no value", "13:12: this label has a line break",
		},
	},
	"a reserved label":  {"clusters:\n- {name: a, labels: {job: x, __a: x, good: x}, nodes: [{name: a, dsn: host=a}]}\n", []string{"2:22: the label job is set by", "2:30: labels that begin with __"}},
	"no labels":         {"clusters:\n- {name: a, labels: [a, b], nodes: [{name: a, dsn: host=a}]}\n", []string{"2:21: labels consists of keys"}},
	"nothing to ask":    {"clusters:\n- {name: a, discover: {}}\n", []string{"2:23: discover has one of patroni, dns and srv"}},
	"only a port":       {"clusters:\n- {name: a, discover: {port: 1}}\n", []string{"2:23: discover has one", "2:30: port goes with dns alone"}},
	"two to ask":        {"clusters:\n- {name: a, discover: {dns: a, srv: b}}\n", []string{"2:23: discover has one"}},
	"no discover":       {"clusters:\n- {name: a, discover: dns}\n", []string{"2:23: discover consists of keys with values (key: value): it has patroni, ca_file, cert_file, key_file, dns, srv, port"}},
	"ports":             {"clusters:\n- {name: a, discover: {dns: a, port: 65536}}\n- {name: b, discover: {dns: a, port: 0}}\n- {name: c, discover: {srv: a, port: 1}}\n- {name: d, discover: {dns: a, port: x}}\n", []string{"2:38: port is not a number from 1", "3:38: port is not a number", "4:38: port goes with dns", "5:38: port is not a whole number"}},
	"DNS":               {"clusters:\n- {name: a, discover: {dns: 'a:5432'}}\n- {name: b, discover: {dns: 10.0.0.1}}\n- {name: c, discover: {srv: 'postgres://" + marked + "@h'}}\n- {name: d, discover: {srv: a..b}}\n", []string{"2:29: dns is not a name of the domain", "3:29: dns is an address", "4:29: srv is not a name", "5:29: srv is not a name"}},
	"Patroni":           {"clusters:\n- {name: a, discover: {patroni: http://a}}\n- {name: b, discover: {patroni: [a:8008, 'http://u:" + marked + "@a', 'ftp://a', 'http://', 'http://a?b', 'http://a#b', 'http://b', 'http://b', 'http://[::1]:8008']}}\n", []string{"2:33: patroni is a list", "3:34: this is not a URL", "3:42: the URL has a user or a password", "3:68: this is not a URL", "3:79: this is not a URL", "3:90: the URL has a ?", "3:104: the URL has a ?", "3:130: this URL is given twice: remove one; the first is in line 3"}},
	"certificates":      {"clusters:\n- {name: a, discover: {patroni: ['https://a'], cert_file: a}}\n- {name: b, discover: {patroni: ['https://a'], key_file: a}}\n- {name: c, discover: {patroni: ['http://a'], ca_file: a}}\n- {name: d, discover: {dns: a, ca_file: a}}\n- {name: e, discover: {patroni: ['https://a'], ca_file: ''}}\n- {name: f, discover: {patroni: ['https://a'], ca_file: \"a\\nb\"}}\n", []string{"2:59: cert_file needs its private key", "3:58: key_file needs its certificate", "4:56: ca_file has no effect", "5:41: ca_file goes with patroni alone", "6:57: ca_file is empty", "7:57: ca_file has a line break"}},
	"a host beside it":  {"clusters:\n- {name: a, dsn: host=a, discover: {dns: a}}\n", []string{"2:18: dsn gives a host, and discover finds the hosts"}},
	"in several places": {"defaults: {wait: x}\nclusters:\n- {nam: a, nodes: [{name: a, dsn: x}]}\n- {name: b, colour: red, nodes: [{name: b, dsn: host=b}]}\n", []string{"1:18: wait is not", "3:3: a cluster has no name", `3:4: a cluster has no key "nam": is it name?`, "3:35: dsn: the connection string is neither", "4:13: a cluster has no such key"}},
}

const minimal = "clusters:\n- {name: a, nodes: [{name: a, dsn: host=a}]}\n"

func TestFaults(t *testing.T) {
	for name, test := range mistaken {
		t.Run(name, func(t *testing.T) {
			file := written(t, test.content)
			_, err := Load(file)
			var faults *FaultsError
			if !errors.As(err, &faults) {
				t.Fatalf("it is taken, or the error is another one: %v", err)
			}
			var got []string
			for _, f := range faults.All {
				got = append(got, fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Text))
			}
			lines := strings.Split(err.Error(), "\n")
			if len(got) != len(test.want) || len(lines) != len(got) {
				t.Fatalf("%d faults, not %d:\n%s", len(got), len(test.want), strings.Join(lines, "\n"))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("the fault is\n%s, not\n%s", got[i], want)
				}
				if lines[i] != file+":"+got[i] {
					t.Errorf("the line is %q", lines[i])
				}
			}
			if strings.Contains(err.Error(), marked) {
				t.Errorf("the password is given away:\n%v", err)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "labels", "dsn", "dns", "synced_within", "wait"}
	for word, want := range map[string][]string{
		"nam": {"name"}, "anme": {"name"}, "lable": {"labels"}, "dnss": {"dns"}, "sdn": {"dsn"}, "syncedwithin": {"synced_within"},
		"wiat": {"wait"}, "Wait": {"wait"}, "x": nil, "": nil, "ds": {"dsn", "dns"}, strings.Repeat("wait", 1000): nil, "ẅait": {"wait"},
	} {
		if diff := cmp.Diff(want, Nearest(word, known)); diff != "" {
			t.Errorf("%.20q: (-want +got)\n%s", word, diff)
		}
	}
}
