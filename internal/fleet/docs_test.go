package fleet

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumentation compares docs/fleet.md with the definitions.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, m := range Metrics() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		if row := fmt.Sprintf("| <a id=%q></a>`%s` | %s | %s | %s |\n", m.Name, m.Name, m.Type, labels, m.Help); !strings.Contains(page, row) {
			t.Errorf("docs/fleet.md lacks the row\n%s", row)
		}
	}
	if got, want := strings.Count(page, "\n| <a id=\"pg_canary_"), len(Metrics()); got != want {
		t.Errorf("docs/fleet.md has %d metrics, the code has %d", got, want)
	}
}
