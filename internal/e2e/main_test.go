//go:build unix

// Package e2e_test runs the whole chain that a user of the exporter runs: the
// exporter's binary on a real primary and replica, scraped by a real Prometheus
// with the configuration, rules and dashboards of this repository.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	labexporter "github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

const root = "../.."

// The programs that the tests start.
var exporter, prometheus, alertmanager string

func TestMain(m *testing.M) {
	program, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := program.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}))
}

func prepare() (*labexporter.Program, error) {
	// The tests wait for scrapes most of the time: all of them at once, however
	// few cores there are. A -parallel of the command line still counts.
	if err := flag.Set("test.parallel", "16"); err != nil {
		return nil, err
	}
	for path, script := range map[*string][]string{&prometheus: {"promtool.sh", "prometheus"}, &alertmanager: {"alertmanager.sh"}} {
		found, err := exec.Command(root+"/scripts/"+script[0], script[1:]...).CombinedOutput() //nolint:gosec // One of two.
		if err != nil {
			return nil, fmt.Errorf("no %s: get it with `scripts/%s`, which said:\n%s", script[len(script)-1], strings.Join(script, " "), found)
		}
		lines := strings.Split(strings.TrimSpace(string(found)), "\n")
		*path = lines[len(lines)-1]
	}
	program, err := labexporter.Build(context.Background())
	if err == nil {
		exporter = program.Path
	}
	return program, err
}
