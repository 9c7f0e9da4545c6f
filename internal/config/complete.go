package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// complete checks what was read, and puts in effect what is inherited.
func (l *loader) complete() {
	defaults, builtIn := &l.document.Defaults, Defaults()
	l.settings(defaults, &builtIn)
	common := l.access(defaults, access{})
	taken := map[string]*yaml.Node{}
	for i := range l.document.Clusters {
		if c := &l.document.Clusters[i]; !l.failed[c] {
			l.name(&c.Name, "cluster", taken)
			l.settings(&c.Settings, defaults)
			l.cluster(c, l.access(&c.Settings, common))
		}
	}
}

// cluster checks what a cluster has beside its settings.
func (l *loader) cluster(c *Cluster, own access) {
	l.labels(&c.Labels)
	nodes, discover := l.at[&c.Nodes], l.at[&c.Discover]
	switch {
	case nodes == nil && discover == nil:
		l.fault(l.at[c], "a cluster has nodes, or discover says where they are: give one of them")
	case nodes != nil && discover != nil:
		l.fault(later(nodes, discover), "a cluster has either nodes or discover: remove one")
	}
	if c.Discover != nil && l.good(c.Discover) {
		l.discover(c)
	}
	names := map[string]*yaml.Node{}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; !l.failed[n] {
			l.name(&n.Name, "node", names)
			l.node(n, own)
		}
	}
}

func later(a, b *yaml.Node) *yaml.Node {
	if a.Line > b.Line || a.Line == b.Line && a.Column > b.Column {
		return a
	}
	return b
}

// name checks a name, which nothing else of the same kind has.
func (l *loader) name(name *string, of string, taken map[string]*yaml.Node) {
	if !l.good(name) {
		return
	}
	if err := pgnode.CheckName(*name, of); err != nil {
		l.refuse(name, "%v", err)
		return
	}
	if first := taken[*name]; first != nil {
		l.refuse(name, "another %s has this name, in line %d: give each a name of its own", of, first.Line)
		return
	}
	taken[*name] = l.at[name]
}

// settings puts in effect what is inherited, and checks what was given.
func (l *loader) settings(own, from *Settings) {
	values, inherited := reflect.ValueOf(own).Elem(), reflect.ValueOf(from).Elem()
	fields := map[string]any{}
	for _, k := range keysOf(values.Type()) {
		value, other := values.FieldByIndex(k.index), inherited.FieldByIndex(k.index)
		field := value.Addr().Interface()
		fields[k.name] = field
		switch {
		case l.at[field] == nil && k.name != "dsn" && k.name != "password_file": // See access.
			value.Set(other)
			l.failed[field] = l.failed[other.Addr().Interface()]
		case l.failed[field]:
			value.Set(other)
		}
	}
	for _, mistake := range own.Mistakes(sayKey) {
		l.mistake(mistake, fields)
	}
}

// mistake notes a mistake in settings, if one of them was given here and all could be read.
func (l *loader) mistake(m Mistake, fields map[string]any) {
	var given any
	for _, key := range m.Keys {
		field := fields[key]
		if l.failed[field] {
			return
		}
		if l.at[field] != nil && (given == nil || later(l.at[field], l.at[given]) == l.at[field]) {
			given = field
		}
	}
	if given != nil {
		l.fault(l.at[given], "%s", m.Text)
	}
}

// sayKey is how a file writes a setting.
func sayKey(key, value string) string {
	if value == "" {
		return key
	}
	return key + ": " + value
}

// path makes a path that begins at the file one that begins where the exporter runs.
func (l *loader) path(file *string, key string) {
	switch {
	case !l.good(file) || *file == "":
	case strings.ContainsFunc(*file, unicode.IsControl):
		l.refuse(file, "%s has a line break or another control character: give the path of a file", key)
	case !filepath.IsAbs(*file):
		*file = filepath.Join(l.directory, *file)
	}
}
