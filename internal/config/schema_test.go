package config

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

const schemaFile = "configuration.schema.json"

// object is a part of a JSON schema.
type object map[string]any

// patterns are what single keys take, beside the type.
var patterns = map[string]object{
	"name":               {"pattern": `^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$`},
	"section":            {"pattern": `^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$`},
	"synchronous_commit": {"enum": append([]string{""}, SynchronousCommits()...)},
	"gate":               {"enum": Gates()},
	"port":               {"minimum": 1, "maximum": 65535},
}

// schemaOf returns the schema of a type.
func schemaOf(t *testing.T, of reflect.Type) object {
	t.Helper()
	switch {
	case of == durationType:
		return object{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`}
	case of.Kind() == reflect.Pointer:
		return schemaOf(t, of.Elem())
	case of.Kind() == reflect.Struct:
		return schemaOfKeys(t, of)
	case of.Kind() == reflect.Slice:
		return object{"type": "array", "minItems": 1, "items": schemaOf(t, of.Elem())}
	case of.Kind() == reflect.Map:
		return object{
			"type": "object", "additionalProperties": object{"type": "string", "minLength": 1},
			"propertyNames": object{"pattern": labelPattern.String(), "not": object{"anyOf": []object{{"pattern": "^__"}, {"enum": reservedLabels}}}},
		}
	case of.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case of.Kind() == reflect.Int:
		return object{"type": "integer"}
	}
	return object{"type": "string"}
}

func schemaOfKeys(t *testing.T, of reflect.Type) object {
	t.Helper()
	properties, required := object{}, []string{}
	for _, k := range documentedKeys(t, of) {
		property := schemaOf(t, k.field.Type)
		property["description"] = strings.ReplaceAll(k.meaning, "`", "")
		for name, value := range patterns[k.name] {
			property[name] = value
		}
		properties[k.name] = property
		if k.required {
			required = append(required, k.name)
		}
	}
	schema := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	if one := map[reflect.Type][]string{
		reflect.TypeFor[Cluster](): {"nodes", "discover"}, reflect.TypeFor[Discover](): {"patroni", "dns", "srv"},
	}[of]; one != nil {
		var alternatives []object
		for _, name := range one {
			alternatives = append(alternatives, object{"required": []string{name}})
		}
		schema["oneOf"] = alternatives
	}
	return schema
}

// TestSchema holds the schema for editors to the structures.
func TestSchema(t *testing.T) {
	schema := schemaOf(t, reflect.TypeFor[document]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Configuration of pg_canary_exporter"
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	must(t, encoder.Encode(schema))
	golden.File(t, docs+schemaFile, want.String())
}

// TestSchemaRefuses gives files with mistakes to the schema that it can see.
func TestSchemaRefuses(t *testing.T) {
	for _, name := range []string{
		"a list", "a word", "no clusters", "an empty list", "no value", "not a list", "an empty one", "misspelt", "elsewhere",
		"of a connection string", "no names", "bad names", "names that are none", "a bad section", "durations", "a strange commit",
		"a commit without quotes", "neither", "both", "no nodes", "a node that is a DSN", "no boolean", "a reserved label", "no labels",
		"nothing to ask", "only a port", "two to ask", "no discover", "ports", "in several places",
	} {
		test, ok := mistaken[name]
		if !ok {
			t.Fatalf("there is no file %q", name)
		}
		if validate(t, test.content) == nil {
			t.Errorf("the schema takes %s:\n%s", name, test.content)
		}
	}
}

func matchesSchema(t *testing.T, content string) {
	t.Helper()
	if err := validate(t, content); err != nil {
		t.Errorf("the schema does not take\n%s: %v", content, err)
	}
}

func validate(t *testing.T, content string) error {
	t.Helper()
	file, err := os.ReadFile(docs + schemaFile)
	must(t, err)
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	must(t, err)
	compiler := jsonschema.NewCompiler()
	must(t, compiler.AddResource(schemaFile, schema))
	compiled, err := compiler.Compile(schemaFile)
	must(t, err)
	var value any
	must(t, yaml.Unmarshal([]byte(content), &value))
	text, err := json.Marshal(value)
	must(t, err)
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	must(t, err)
	return compiled.Validate(value)
}
