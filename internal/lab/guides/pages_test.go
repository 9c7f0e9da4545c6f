//go:build unix

package guides

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestPages: all commands of all pages are run, or say why they are not; nothing is skipped unsaid. What
// the first block defines has a meaning on the scene, which only playing it tells (`make guides`).
func TestPages(t *testing.T) {
	t.Parallel()
	pages, err := readAll(filepath.Join("..", "..", "..", dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	played := map[string]bool{}
	for _, g := range pages {
		played[g.scene] = true
		if _, err := g.definitions(); err != nil {
			t.Error(err)
		}
		if g.scene == "" {
			continue
		}
		if !g.has(commands) {
			t.Errorf("%s.md names the scene %s and has nothing to run on it", g.name, g.scene)
		}
		if !g.has(seen) {
			t.Errorf("%s.md says nothing of what is seen", g.name)
		}
	}
	for name := range scenes {
		if !played[name] {
			t.Errorf("no page is played on the scene %s", name)
		}
	}
}

func TestNoSuchPage(t *testing.T) {
	t.Parallel()
	if _, err := readAll(filepath.Join("..", "..", "..", dir), []string{"nonsense"}); err == nil || !strings.Contains(err.Error(), "there is no page nonsense.md") {
		t.Errorf("a page that is not there: %v", err)
	}
}
