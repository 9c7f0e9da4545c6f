package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// page is one in Markdown.
type page struct {
	path    string // in the repository
	text    string // without what stands in blocks of code
	anchors []string
}

// pages returns all pages of the repository, by their paths.
func pages(t *testing.T) map[string]*page {
	t.Helper()
	all := map[string]*page{}
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != ".." && strings.HasPrefix(entry.Name(), "."), entry.IsDir() && slices.Contains([]string{"testdata", "dist", "bin"}, entry.Name()):
			return fs.SkipDir
		case filepath.Ext(file) == ".md":
			name := strings.TrimPrefix(filepath.ToSlash(file), "../")
			all[name] = readPage(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	heading = regexp.MustCompile(`(?m)^#+ +(.*?) *$`)
	named   = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func readPage(t *testing.T, name string) *page {
	t.Helper()
	p := &page{path: name, text: fence.ReplaceAllString(read(t, name), "")}
	for _, match := range named.FindAllStringSubmatch(p.text, -1) {
		p.anchors = append(p.anchors, match[1])
	}
	for _, match := range heading.FindAllStringSubmatch(p.text, -1) {
		own := slug(match[1])
		for n := 1; slices.Contains(p.anchors, own); n++ {
			own = slug(match[1]) + "-" + strconv.Itoa(n)
		}
		p.anchors = append(p.anchors, own)
	}
	return p
}

var linked = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// slug returns the anchor that GitHub gives a heading.
func slug(heading string) string {
	text := strings.ToLower(linked.ReplaceAllString(heading, "$1"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		default:
			return -1
		}
	}, text)
}

// TestLinks lead to a file of the repository, and where they name a place in a page, there is that.
func TestLinks(t *testing.T) {
	t.Parallel()
	all, found := pages(t), 0
	for _, p := range all {
		for _, match := range link.FindAllStringSubmatch(p.text, -1) {
			target, place, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			found++
			file := p.path
			if target != "" {
				file = path.Join(path.Dir(p.path), target)
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s links to %s, which is not there", p.path, match[1])
			} else if to := all[file]; place != "" && (to == nil || !slices.Contains(to.anchors, place)) {
				t.Errorf("%s links to %s, which has no such place", p.path, match[1])
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d links alone", found)
	}
}

// TestMapHasEveryPage: whatever is in docs can be found from its first page, the single runbooks from theirs.
func TestMapHasEveryPage(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name := range all {
		from := "docs/README.md"
		switch {
		case name == from || path.Dir(name) != "docs" && path.Dir(name) != "docs/guides" && path.Dir(name) != "docs/runbooks":
			continue
		case path.Dir(name) == "docs/runbooks" && name != "docs/runbooks/README.md":
			from = "docs/runbooks/README.md"
		}
		reached := slices.ContainsFunc(link.FindAllStringSubmatch(all[from].text, -1), func(match []string) bool {
			target, _, _ := strings.Cut(match[1], "#")
			return path.Join(path.Dir(from), target) == name
		})
		if !reached {
			t.Errorf("%s does not lead to %s", from, name)
		}
	}
}
