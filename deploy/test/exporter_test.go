package deploy_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
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

// checkSetup: setup makes what the exporter then looks for, in the same database, for the same role and under the same name.
func checkSetup(t *testing.T, made objects) {
	t.Helper()
	config := clusters(t, made)
	for name, job := range named[*batchv1.Job](made) {
		args := strings.Join(job.Spec.Template.Spec.Containers[0].Args, "\n")
		cluster, role := regexp.MustCompile(`--cluster\.name=(.*)`).FindStringSubmatch(args)[1], regexp.MustCompile(`--role=(.*)`).FindStringSubmatch(args)[1]
		database := regexp.MustCompile(`dbname=\S+`).FindString(args)
		for _, want := range []string{"name: " + cluster + "\n", "user=" + role + " ", database + " "} {
			if !strings.Contains(config, want) {
				t.Errorf("%s makes what nobody looks for: %q is not in\n%s", name, want, config)
			}
		}
		if !strings.Contains(args, "--canary.section=default") {
			t.Errorf("%s makes another section: %s", name, args)
		}
	}
}
