//go:build unix

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAlertmanagerGuide runs the commands of the guide, one block after the other in one shell.
func TestAlertmanagerGuide(t *testing.T) {
	t.Parallel()
	a := startAlertmanager(t)
	guide, err := os.ReadFile(root + "/docs/guides/alertmanager.md")
	must(t, err)
	script := "set -euo pipefail\n"
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(guide), -1) {
		script += block[1]
	}
	const example = "ALERTMANAGER=http://alertmanager.example:9093\n"
	if strings.Count(script, example) != 1 {
		t.Fatalf("the guide does not begin with %s", example)
	}
	script = strings.Replace(script, example, "ALERTMANAGER=http://"+a.address+"\n", 1)
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir = root
	shell.Env = append(os.Environ(), "PATH="+filepath.Dir(alertmanager)+":"+os.Getenv("PATH"), "TZ=UTC")
	out, err := shell.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the guide's commands end with %v", err)
	}
	shown := regexp.MustCompile(`(?s)PgCanaryNoPrimary +\S+ \S+ UTC +Cluster a-test has no primary \(a test\) +active.*PgCanaryReplicaUnreachable .* suppressed`)
	if !shown.Match(out) {
		t.Errorf("they do not show what the guide says")
	}
	s := &stack{T: t}
	s.eventually("the pager gets the test", func() string {
		if len(a.notifications("page")) == 0 {
			return "it has nothing"
		}
		return ""
	})
}
