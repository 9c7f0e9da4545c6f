package dashboards_test

import (
	"errors"
	"os"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// TestSchema has Grafana's own library read the files, which knows every field of its newest version.
func TestSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for _, name := range jsonFiles(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d grafana.Dashboard //nolint:staticcheck // Its newer model is not what 9.4 reads.
		var mistakes cog.BuildErrors
		if err := d.UnmarshalJSONStrict(text); !errors.As(err, &mistakes) && err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, mistake := range mistakes {
			switch mistake.Message {
			case "required field is missing from input": // What came after 9.4 has a default.
			case "unexpected field 'show'": // Of a heatmap's tooltip, which 9.4 shows by it, and newer ones by mode.
			default:
				t.Errorf("%s, %s: %s", name, mistake.Path, mistake.Message)
			}
		}
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
