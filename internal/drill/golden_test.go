package drill

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

// writes says that what is written is what stands in a file.
func writes(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	golden.File(t, filepath.Join("testdata", name), got.String())
}

// frozen is a drill in which the primary was frozen twice, until a beat was given up, and less
// long than that; and a commit took a moment longer than usual. It ends within an outage.
func frozen() *script {
	s := scripted("node-a", "node-b")
	s.until(time.Second, func() { s.ok(2 * ms) })
	s.no(3*time.Second, probe.ReasonTimeout)
	s.ok(600 * ms)
	s.until(6*time.Second, func() { s.ok(2 * ms) })
	s.ok(40 * ms)
	s.until(7*time.Second, func() { s.ok(2 * ms) })
	s.no(2*ms, probe.ReasonReadOnly)
	r := s.ok(2 * ms)
	r.AtRisk, r.Undecided = &verdict.Loss{Commits: 2, Era: 11, From: 8, To: 9, FirstLSN: 0x3000320, LastLSN: 0x3000384}, true
	s.no(ms, probe.ReasonShuttingDown)
	s.until(9*time.Second, func() { s.no(ms, probe.ReasonConnect) })
	return s
}

func TestReports(t *testing.T) {
	for name, record := range map[string]*Record{
		"killed": killed().record(), "frozen": frozen().record(), "healthy": healthy().record(),
	} {
		t.Run(name, func(t *testing.T) {
			writes(t, name+".txt", func(w io.Writer) error { return Text(w, record) })
			writes(t, name+".svg", func(w io.Writer) error { return SVG(w, record) })
			limits := Limits{MaxOutage: new(time.Second), MaxLost: new(int64(0)), MaxStale: new(500 * ms), Recovers: true}
			writes(t, name+".json", func(w io.Writer) error { return JSON(w, record, limits.Check(record)) })
		})
	}
}

// TestLongLists has more than a person reads.
func TestLongLists(t *testing.T) {
	s := scripted("a", "b")
	for range 30 {
		s.until(s.at+100*ms, func() { s.ok(3 * ms) })
		s.no(ms, "connect")
		s.ok(ms).Takeovers = []probe.Takeover{{From: "a", To: "b"}}
	}
	var text bytes.Buffer
	if err := Text(&text, s.record()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"… and 10 more outages: ", "… and 10 more takeovers: ", "… and 50 more events: "} {
		if !bytes.Contains(text.Bytes(), []byte(want)) {
			t.Errorf("%q is not in\n%s", want, &text)
		}
	}
}

func healthy() *script {
	s := scripted("node-a", "a-node-with-a-very-long-name.example.com")
	s.until(2*time.Second, func() { s.ok(3 * ms) })
	return s
}

// TestFieldsAreDocumented holds docs/drill.md to the fields that reports have.
func TestFieldsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "drill.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"killed.json", "frozen.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(text), -1) {
			if !bytes.Contains(page, []byte("`"+field[1])) {
				t.Errorf("docs/drill.md does not say what %s is", field[1])
			}
		}
	}
}
