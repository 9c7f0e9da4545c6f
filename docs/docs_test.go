// Package docs_test holds pages for developers to the repository that they describe.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// firsts returns the first group of every match, each once.
func firsts(pattern, text string) []string {
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestReadmeBeginsWithTwoCommands(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(read(t, "README.md"))
	if block == nil {
		t.Fatal("README.md has no commands")
	}
	if got := firsts(`(?m)^(.*?) *(?:#.*)?$`, strings.TrimSpace(block[1])); !slices.Equal(got, []string{"make run", "make test"}) {
		t.Errorf("README.md begins with %q; scripts/test-fresh.sh runs make run and make test", got)
	}
}

func TestContributingNamesTheTargets(t *testing.T) {
	t.Parallel()
	page, makefile := read(t, "CONTRIBUTING.md"), read(t, "Makefile")+read(t, "release.mk")
	named := firsts("`(?:[A-Z_]+=[^ `]+ )?make ([a-z-]+)", page)
	for _, target := range firsts(`(?m)^([a-z-]+):.*## `, makefile) {
		if target != "help" && !slices.Contains(named, target) {
			t.Errorf("CONTRIBUTING.md does not tell what make %s does", target)
		}
	}
	there := firsts(`(?m)^([a-z-]+):`, makefile+read(t, "compose.mk"))
	for _, target := range named {
		if !slices.Contains(there, target) {
			t.Errorf("CONTRIBUTING.md tells of make %s, which there is not", target)
		}
	}
}

func TestContributingNamesWhatExists(t *testing.T) {
	t.Parallel()
	page := read(t, "CONTRIBUTING.md")
	paths := slices.Concat(firsts(`\]\(([^)#:]+)\)`, page), firsts("`((?:cmd|collector|docs|internal|scripts)/[^ `]*)`", page),
		firsts("`go test \\./([^ `]+)", page))
	if len(paths) < 5 {
		t.Fatalf("found only %q in CONTRIBUTING.md", paths)
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Errorf("CONTRIBUTING.md names %s: %v", path, err)
		}
	}
}

// TestArchitectureNamesEveryRoom holds the page to the folders that exist.
func TestArchitectureNamesEveryRoom(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/architecture.md")
	named := firsts("`((?:cmd|collector|internal|dashboards|prometheus|postgres|docs)(?:/[A-Za-z0-9_./-]*[A-Za-z0-9_])?)`", page)
	for _, path := range named {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Errorf("docs/architecture.md names %s: %v", path, err)
		}
	}
	for _, top := range []string{"cmd", "collector", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, entry os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			if !slices.Contains(named, room) && !strings.Contains(room, "testdata") {
				named = append(named, room)
				t.Errorf("docs/architecture.md does not name %s", room)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
