package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

const docs = "../../docs/"

// commentsOf returns the comments of the structures' fields, by "Type.Field", each in one line.
func commentsOf(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	must(t, err)
	comments := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if structure, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
			}
		}
		return false
	})
	return comments
}

// documented is a key with what its comment says.
type documented struct {
	key
	field   reflect.StructField
	meaning string
}

// documentedKeys returns the keys of a structure, but for those of another one in it.
func documentedKeys(t *testing.T, of reflect.Type) (keys []documented) {
	t.Helper()
	comments := commentsOf(t)
	for _, k := range keysOf(of) {
		field := of.FieldByIndex(k.index)
		owner := of
		if len(k.index) > 1 {
			owner = of.Field(k.index[0]).Type
		}
		comment := comments[owner.Name()+"."+field.Name]
		meaning := comment
		for _, is := range []string{" is ", " are "} {
			meaning = strings.TrimPrefix(meaning, field.Name+is)
		}
		if meaning == comment {
			t.Errorf("the comment of %s.%s does not begin with %s is or are: %q", owner.Name(), field.Name, field.Name, comment)
		}
		keys = append(keys, documented{k, field, meaning})
	}
	return keys
}

// table returns the part of the page that is about a structure.
func table(t *testing.T, of reflect.Type) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	builtIn := reflect.ValueOf(Defaults())
	for _, k := range documentedKeys(t, of) {
		if of != reflect.TypeFor[Settings]() && len(k.index) > 1 {
			continue // The settings have a table of their own.
		}
		standard := ""
		switch {
		case k.required:
			standard = "required"
		case of == reflect.TypeFor[Settings]() && !builtIn.FieldByIndex(k.index).IsZero():
			standard = fmt.Sprintf("`%v`", builtIn.FieldByIndex(k.index))
		case k.field.Type == durationType:
			standard = "`0s`"
		}
		fmt.Fprintf(&b, "| <a id=%q></a>`%s` | %s | %s | %s |\n", "key-"+strings.ToLower(of.Name())+"-"+k.name, k.name, valueOf(k.field.Type), standard, k.meaning)
	}
	return b.String()
}

// valueOf says what a key takes.
func valueOf(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "list of strings"
	case t.Kind() == reflect.Slice:
		return "list of keys"
	case t.Kind() == reflect.Map:
		return "names with strings"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer:
		return "keys"
	case t.Kind() == reflect.Bool:
		return "`true` or `false`"
	case t.Kind() == reflect.Int:
		return "number"
	}
	return "string"
}

// TestDocumentation holds the page to the comments of the structures.
func TestDocumentation(t *testing.T) {
	parts := map[string]string{}
	for name, of := range map[string]reflect.Type{
		"file": reflect.TypeFor[document](), "settings": reflect.TypeFor[Settings](), "cluster": reflect.TypeFor[Cluster](),
		"node": reflect.TypeFor[Node](), "discover": reflect.TypeFor[Discover](),
	} {
		parts[name] = table(t, of)
	}
	golden.Parts(t, docs+"configuration.md", parts)
	page, err := os.ReadFile(docs + "configuration.md")
	must(t, err)
	for _, name := range reservedLabels {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/configuration.md does not name the reserved label %s", name)
		}
	}
}

// TestExamplesLoad reads every configuration in the pages.
func TestExamplesLoad(t *testing.T) {
	pages, err := filepath.Glob(docs + "*.md")
	must(t, err)
	found := 0
	for _, page := range append(pages, "../../README.md") {
		content, err := os.ReadFile(page)
		must(t, err)
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(content), -1) {
			if strings.Contains(block[1], "clusters:") {
				found++
				loaded(t, block[1])
				matchesSchema(t, block[1])
			}
		}
	}
	if found < 2 {
		t.Errorf("there are %d examples", found)
	}
}
