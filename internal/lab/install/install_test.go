//go:build unix

package install

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func manage(t *testing.T, program string) manager {
	t.Helper()
	for _, m := range managers {
		if m.program == program {
			return m
		}
	}
	t.Fatalf("no package manager %s", program)
	return manager{}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	missing, err := choose([]string{"postgres", "prometheus", "cc"})
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		Packages, Fetch  []string
		Obstacle, Remedy string
	}
	for name, test := range map[string]struct {
		manager manager
		root    bool
		want    outcome
	}{
		"Debian, root": {manage(t, "apt-get"), true, outcome{
			Packages: []string{"postgresql", "gcc", "libc6-dev"}, Fetch: []string{"prometheus"},
		}},
		"Debian, a user": {manage(t, "apt-get"), false, outcome{
			Packages: []string{"postgresql", "gcc", "libc6-dev"}, Fetch: []string{"prometheus"},
			Obstacle: "only root may install packages",
			Remedy:   "run: sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql gcc libc6-dev",
		}},
		"Homebrew has no need of root, and no compiler": {manage(t, "brew"), false, outcome{
			Packages: []string{"postgresql@17", "prometheus"},
		}},
		"no package manager": {manager{}, true, outcome{
			Fetch:    []string{"prometheus"},
			Obstacle: "this machine has none of apt-get, dnf, apk, zypper, pacman, brew",
			Remedy:   "install by other means what is missing",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planFor(missing, test.manager, test.root)
			got := outcome{Packages: p.packages(), Obstacle: p.obstacle, Remedy: p.remedy}
			for _, fetched := range p.fetch {
				got.Fetch = append(got.Fetch, fetched.name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("another plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlanWithoutAPackage: where nobody packages a tool, the error says who does.
func TestPlanWithoutAPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	missing, err := choose([]string{"patroni", "etcd"})
	if err != nil {
		t.Fatal(err)
	}
	p := planFor(missing, manage(t, "pacman"), true)
	err = p.accept(t.Context(), io.Discard, missing)
	for _, want := range []string{"no patroni in PATH", "no etcd in PATH", "package etcd-server", "by other means"} {
		if len(p.install) != 0 || !strings.Contains(message(err), want) {
			t.Errorf("%d to install, and %v; want none, and %q", len(p.install), err, want)
		}
	}
}

// A user who may not install packages is told so only when something is to be installed.
func TestPlanOfWhatIsFetched(t *testing.T) {
	t.Parallel()
	missing, err := choose([]string{"prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	if p := planFor(missing, manage(t, "apt-get"), false); p.obstacle != "" || len(p.fetch) != 1 {
		t.Errorf("obstacle %q, %d to fetch; want none, 1", p.obstacle, len(p.fetch))
	}
}

func absent(context.Context) (string, error) { return "", errors.New("not in PATH") }

func TestWhatStaysMissing(t *testing.T) {
	t.Parallel()
	needed := tool{what: "a server", find: absent}
	optional := tool{what: "a compiler", find: absent, without: "something is not checked"}
	forbidden := plan{obstacle: "only root may install packages", remedy: "run: sudo install"}
	for name, test := range map[string]struct {
		plan     plan
		missing  []tool
		log, err string
	}{
		"needed, and it may not be installed": {
			forbidden,
			[]tool{needed},
			"",
			"missing: a server, and only root may install packages; run: sudo install",
		},
		"needed, and installing did not help": {plan{}, []tool{needed}, "", "not in PATH"},
		"optional, and it may not be installed": {
			forbidden,
			[]tool{optional},
			"a compiler: missing, so something is not checked; to have it, run: sudo install.\n", "",
		},
		"needed and optional: nothing will run without": {
			forbidden,
			[]tool{optional, needed},
			"",
			"missing: a server, and only root may install packages; run: sudo install",
		},
		"optional, and there is no way to get it": {
			plan{}, []tool{optional}, "a compiler: missing, so something is not checked.\n", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			err := test.plan.accept(t.Context(), &log, test.missing)
			if said := message(err); said != test.err {
				t.Errorf("error %q, want %q", said, test.err)
			}
			if log.String() != test.log {
				t.Errorf("log %q, want %q", log.String(), test.log)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestUnknownTool(t *testing.T) {
	t.Parallel()
	err := Ensure(t.Context(), &strings.Builder{}, "postgres", "oracle")
	if err == nil || !strings.Contains(err.Error(), `no tool "oracle"`) || !strings.Contains(err.Error(), "pgbouncer") {
		t.Errorf("error %v; want one that names oracle and the tools there are", err)
	}
}

// What a variable names is used, and nothing is installed in its stead.
func TestVariable(t *testing.T) {
	own := filepath.Join(t.TempDir(), "pgbouncer")
	if err := os.WriteFile(own, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PG_CANARY_PGBOUNCER", own)
	var log strings.Builder
	if err := Ensure(t.Context(), &log, "pgbouncer"); err != nil || !strings.Contains(log.String(), own) {
		t.Errorf("error %v, log %q; want no error and a log that names %s", err, log.String(), own)
	}

	t.Setenv("PG_CANARY_PGBOUNCER", own+"-not-there")
	if err := Ensure(t.Context(), &log, "pgbouncer"); err == nil || !strings.Contains(err.Error(), "$PG_CANARY_PGBOUNCER") {
		t.Errorf("error %v; want one that names the variable", err)
	}
}

func TestWriteNew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "policy")
	if err := writeNew(path, "mine", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(path, "another", 0o644); !errors.Is(err, os.ErrExist) {
		t.Errorf("writing it a second time: %v; want os.ErrExist", err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "mine" {
		t.Errorf("the file holds %q (%v), want what was written first", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v (%v), want 0755", info.Mode(), err)
	}
}
