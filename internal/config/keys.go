package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// key is a key of the file, which a field of a structure stands for.
type key struct {
	name     string
	index    []int // of the field
	required bool
}

// known has the keys of each structure, which are looked up for each that is read.
var known = func() map[reflect.Type][]key {
	all := map[reflect.Type][]key{}
	for t := range places {
		all[t] = fieldKeys(t)
	}
	return all
}()

// keysOf returns the keys of a structure, in the order of its fields.
func keysOf(t reflect.Type) []key { return known[t] }

func fieldKeys(t reflect.Type) (keys []key) {
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			keys = append(keys, key{name, field.Index, options == "required"})
		}
	}
	return keys
}

// places are what a structure is called in the file.
var places = map[reflect.Type]string{
	reflect.TypeFor[document](): "the file",
	reflect.TypeFor[Settings](): "defaults",
	reflect.TypeFor[Cluster]():  "a cluster",
	reflect.TypeFor[Node]():     "a node",
	reflect.TypeFor[Discover](): "discover",
}

// names returns the names of the keys.
func names(keys []key) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.name
	}
	return all
}

// unknownKey says what may be meant by a key that a place does not have. It quotes what is
// near to one of ours alone: anything else may be a part of a connection string.
func unknownKey(word string, t reflect.Type) string {
	own := names(keysOf(t))
	if slices.Contains(own, "dsn") && pgnode.IsParameter(word) {
		return fmt.Sprintf("%s has no key %s: write it into dsn, as %s=…", places[t], word, word)
	}
	if near := Nearest(word, own); len(near) > 0 {
		return fmt.Sprintf("%s has no key %q: is it %s?", places[t], word, near[0])
	}
	var elsewhere []string
	for other, place := range places {
		if other.Kind() == reflect.Struct && slices.Contains(names(keysOf(other)), word) {
			elsewhere = append(elsewhere, place)
		}
	}
	if slices.Sort(elsewhere); len(elsewhere) > 0 {
		return fmt.Sprintf("%s has no key %s: it belongs into %s", places[t], word, strings.Join(elsewhere, " or "))
	}
	return fmt.Sprintf("%s has no such key: it has %s", places[t], strings.Join(own, ", "))
}
