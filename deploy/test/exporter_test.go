package deploy_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the exporter's command, which TestMain builds.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pg_canary_deploy-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // It holds nothing that anybody misses.
	program = filepath.Join(dir, "pg_canary_exporter")
	build := exec.Command(cmp.Or(os.Getenv("GO"), "go"), "build", "-buildvcs=false", "-o", program, "./cmd/pg_canary_exporter")
	build.Dir = "../.." // The exporter's own module.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		panic(string(output))
	}
	return m.Run()
}

// checkExporterTakesIt has the exporter check the configuration, whose files are not here.
func checkExporterTakesIt(t *testing.T, made objects) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clusters.yml")
	if err := os.WriteFile(path, []byte(clusters(t, made)), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(program, "config", "check", "--syntax-only", path).CombinedOutput(); err != nil {
		t.Errorf("the exporter refuses the configuration: %v\n%s\n%s", err, output, clusters(t, made))
	}
}
