package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader fills structures from the nodes of a document, and notes what is wrong and where
// each value was.
type reader struct {
	faults []Fault
	// at has the node of each value that was given, by the address of its field.
	at map[any]*yaml.Node
	// failed has the addresses of the fields that hold no value because of a fault.
	failed map[any]bool
}

func newReader() *reader { return &reader{at: map[any]*yaml.Node{}, failed: map[any]bool{}} }

const (
	noAnchors = "anchors (&), aliases (*) and merge keys (<<) are not taken: what clusters share is written once in defaults"
	noTags    = "tags (!) are not taken: remove it"
)

var durationType = reflect.TypeFor[time.Duration]()

// fault notes a mistake.
func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, Fault{max(n.Line, 1), max(n.Column, 1), fmt.Sprintf(format, args...)})
}

// refuse notes a mistake in the value of a field, which has none then.
func (r *reader) refuse(field any, format string, args ...any) {
	r.fault(r.at[field], format, args...)
	r.failed[field] = true
}

// good says whether a field was given, and in order.
func (r *reader) good(field any) bool { return r.at[field] != nil && !r.failed[field] }

// readDocument reads the whole file.
func (r *reader) readDocument(root *yaml.Node, into *document) {
	r.read(root, reflect.ValueOf(into).Elem(), "the file")
}

// read fills a value from a node. The name is what it is called in a fault.
func (r *reader) read(n *yaml.Node, into reflect.Value, name string) {
	field := into.Addr().Interface()
	r.at[field] = n
	if text := r.readKind(n, into, name); text != "" {
		r.refuse(field, "%s", text)
	}
}

// readKind returns what is wrong with a node as a whole.
func (r *reader) readKind(n *yaml.Node, into reflect.Value, name string) string {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return noAnchors
	case n.Style&yaml.TaggedStyle != 0:
		return noTags
	case isNull(n):
		return name + " has no value: give one, or remove the key"
	}
	switch into.Kind() { //nolint:exhaustive // A file has no others.
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.read(n, into.Elem(), name)
		return ""
	case reflect.Struct:
		return r.readStruct(n, into, name)
	case reflect.Map:
		return r.readMap(n, into, name)
	case reflect.Slice:
		return r.readList(n, into, name)
	}
	if n.Kind != yaml.ScalarNode {
		return name + " is one value, neither a list nor keys of its own"
	}
	return readScalar(n, into, name)
}

// readStruct reads a mapping whose keys are those of a structure.
func (r *reader) readStruct(n *yaml.Node, into reflect.Value, name string) string {
	keys := keysOf(into.Type())
	seen, wrong := r.keysIn(n, name)
	if wrong != "" {
		return fmt.Sprintf("%s: it has %s", wrong, strings.Join(names(keys), ", "))
	}
	for _, pair := range seen {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == pair.key.Value })
		if i < 0 {
			r.fault(pair.key, "%s", unknownKey(pair.key.Value, into.Type()))
			continue
		}
		r.read(placed(pair), into.FieldByIndex(keys[i].index), keys[i].name)
	}
	for _, k := range keys {
		if k.required && r.at[into.FieldByIndex(k.index).Addr().Interface()] == nil {
			r.fault(n, "%s has no %s: give one", name, k.name)
		}
	}
	return ""
}

// pair is a key with its value.
type pair struct{ key, value *yaml.Node }

// placed returns a pair's value with a place: an empty one may have none.
func placed(p pair) *yaml.Node {
	if p.value.Line == 0 {
		p.value.Line, p.value.Column = p.key.Line, p.key.Column
	}
	return p.value
}

// keysIn returns the pairs of a mapping, each key once, or why it is no mapping.
func (r *reader) keysIn(n *yaml.Node, name string) (pairs []pair, wrong string) {
	if n.Kind != yaml.MappingNode {
		return nil, name + " consists of keys with values (key: value)"
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch first := lines[k.Value]; {
		case k.Kind == yaml.AliasNode || k.Anchor != "" || k.Tag == "!!merge":
			r.fault(k, noAnchors)
		case k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0:
			r.fault(k, "a key of %s is a plain word", name)
		case first > 0:
			r.fault(k, "this key is given twice: remove one; the first is in line %d", first)
		default:
			lines[k.Value] = k.Line
			pairs = append(pairs, pair{k, n.Content[i+1]})
		}
	}
	return pairs, ""
}

// readMap reads a mapping with keys of the user's own.
func (r *reader) readMap(n *yaml.Node, into reflect.Value, name string) string {
	pairs, wrong := r.keysIn(n, name)
	if wrong != "" {
		return wrong
	}
	into.Set(reflect.MakeMap(into.Type()))
	for _, p := range pairs {
		value := reflect.New(into.Type().Elem())
		r.read(placed(p), value.Elem(), "this label")
		if r.good(value.Interface()) {
			into.SetMapIndex(reflect.ValueOf(p.key.Value), value.Elem())
		}
	}
	return ""
}

// readList reads a sequence.
func (r *reader) readList(n *yaml.Node, into reflect.Value, name string) string {
	if n.Kind != yaml.SequenceNode {
		return name + " is a list: write [one, two], or each on a line of its own that begins with -"
	}
	if len(n.Content) == 0 {
		return name + " is empty: give one at least, or remove the key"
	}
	of := "an element of " + name
	if place, ok := places[into.Type().Elem()]; ok {
		of = place
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		r.read(element, into.Index(i), of)
	}
	return ""
}

// readScalar reads a single value. It takes no value of another type for a string: what YAML
// makes of 1e3, 010 or true is perhaps not what was meant.
func readScalar(n *yaml.Node, into reflect.Value, name string) string {
	switch {
	case into.Type() == durationType:
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			return name + " is not a duration: give a number with its unit, such as 200ms, 1s or 1m30s"
		}
		into.SetInt(int64(d))
	case into.Kind() == reflect.Bool:
		if n.Tag != "!!bool" {
			return name + " is true or false"
		}
		into.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
	case into.Kind() == reflect.Int:
		number, err := strconv.ParseInt(n.Value, 10, 32)
		if n.Tag != "!!int" || err != nil {
			return name + " is not a whole number"
		}
		into.SetInt(number)
	case n.Tag != "!!str":
		return name + ` is not a string: write the value in quotes, as in "1"`
	default:
		into.SetString(n.Value)
	}
	return ""
}
