//go:build unix

// Package e2e_test runs the whole chain that a user of the exporter runs: the
// exporter's binary on a real primary and replica, scraped by a real Prometheus
// with the configuration, rules and dashboards of this repository.
package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const root = "../.."

// The programs that the tests start.
var exporter, prometheus string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pg_canary_e2e")
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}))
}

func prepare(dir string) error {
	// The tests wait for scrapes most of the time: all of them at once, however
	// few cores there are. A -parallel of the command line still counts.
	if err := flag.Set("test.parallel", "16"); err != nil {
		return err
	}
	found, err := exec.Command(root+"/scripts/promtool.sh", "prometheus").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(found)), "\n")
	if err != nil {
		return fmt.Errorf("no Prometheus: install it, or get it with `scripts/promtool.sh prometheus`, which said:\n%s", found)
	}
	prometheus = lines[len(lines)-1]

	exporter = filepath.Join(dir, "pg_canary_exporter")
	// Without git's stamp: git refuses a work tree that is another user's.
	args := []string{"build", "-buildvcs=false", "-o", exporter}
	if raceDetector() {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/pg_canary_exporter")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build.Args, err, out)
	}
	return nil
}

// raceDetector tells whether the tests run with it; then the exporter does too.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
