package collector

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestDocumentation compares docs/metrics.md with the definitions.
func TestDocumentation(t *testing.T) {
	content, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, m := range Metrics() {
		if row := documentRow(m); !strings.Contains(page, row) {
			t.Errorf("docs/metrics.md lacks the row\n%s", row)
		}
	}
	if got, want := strings.Count(page, "\n| <a id=\""+namespace+"_"), len(Metrics()); got != want {
		t.Errorf("docs/metrics.md has %d metrics, the code has %d", got, want)
	}
	for _, state := range verdict.ReplicaStates() {
		if !strings.Contains(page, "\n| <a id=\"state-"+string(state)+"\"></a>`"+string(state)+"` |") {
			t.Errorf("docs/metrics.md does not explain the state %q", state)
		}
	}
	for _, reason := range probe.Reasons() {
		if !strings.Contains(page, "\n| <a id=\"reason-"+string(reason)+"\"></a>`"+string(reason)+"` |") {
			t.Errorf("docs/metrics.md does not explain the reason %q", reason)
		}
	}
}

func documentRow(m *Metric) string {
	labels := ""
	if len(m.Labels) > 0 {
		labels = "`" + strings.Join(m.Labels, "`, `") + "`"
	}
	return fmt.Sprintf("| <a id=%q></a>`%s` | %s | %s | %s |\n", m.Name, m.Name, m.Type, labels, m.Help)
}
