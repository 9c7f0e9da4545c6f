//go:build unix

package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// allowed are the licences under which a module may be in the program, which is under Apache-2.0 itself: they ask for
// nothing but that they are passed on. Go's own patent grant goes beside its BSD licence.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "GooglePatentsFile"}

// covered is how much of a licence's file has to be known text, in percent; the rest are names and years.
const covered = 60

// platforms are those that a release is for: what each has in its program differs.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// legal are the names of the files that have to go with a program.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// module is one that the program is built of.
type module struct{ path, version, dir string }

// text is one legal file of a module.
type text struct {
	name    string
	content []byte
}

// Licences says under which licence each module is that is built into the program, and writes their texts to the file
// named, unless that is "". A licence that is not known to be fine, or none, is an error.
func Licences(ctx context.Context, file string, log io.Writer) error {
	modules, err := modulesOf(ctx, "./cmd/pg_canary_exporter")
	if err != nil {
		return err
	}
	var notices bytes.Buffer
	var faults []error
	for _, m := range modules {
		texts, err := m.texts()
		if err != nil {
			return err
		}
		found, err := judge(texts)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s %s: %w", m.path, m.version, err))
			continue
		}
		lab.Say(log, "%s %s: %s", m.path, m.version, strings.Join(found, " "))
		for _, t := range texts {
			fmt.Fprintf(&notices, "==== %s %s: %s\n\n%s\n\n", m.path, m.version, t.name, bytes.TrimSpace(t.content))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w:\n%w", lab.ErrUntrue, errors.Join(faults...))
	}
	if file == "" {
		return nil
	}
	return os.WriteFile(file, notices.Bytes(), 0o644) //nolint:gosec // For all to read.
}

// judge names the licences in a module's texts.
func judge(texts []text) ([]string, error) {
	var found []string
	for _, t := range texts {
		coverage := licensecheck.Scan(t.content)
		for _, match := range coverage.Match {
			if !slices.Contains(allowed, match.ID) {
				return nil, fmt.Errorf("%s has the licence %s, which is not in the list of what the program may hold", t.name, match.ID)
			}
			if !slices.Contains(found, match.ID) {
				found = append(found, match.ID)
			}
		}
		if !strings.HasPrefix(strings.ToLower(t.name), "notice") && coverage.Percent < covered {
			return nil, fmt.Errorf("only %.0f%% of %s is the text of a licence that is known: read it", coverage.Percent, t.name)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no file has a licence that is known")
	}
	return found, nil
}

// texts reads the legal files of a module.
func (m module) texts() ([]text, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, err
	}
	var texts []text
	for _, entry := range entries {
		if entry.IsDir() || !legal.MatchString(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(m.dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, text{entry.Name(), content})
	}
	return texts, nil
}

// modulesOf lists what a command is built of on all platforms, Go's own library first.
func modulesOf(ctx context.Context, command string) ([]module, error) {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	words := strings.Fields(string(goroot))
	modules := []module{{"Go's standard library", words[1], words[0]}}
	var lines []string
	for _, platform := range platforms {
		system, arch, _ := strings.Cut(platform, "/")
		list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}", command) //nolint:gosec // A constant of the caller.
		list.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", platform, err)
		}
		lines = append(lines, strings.Split(string(out), "\n")...)
	}
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		if path, rest, is := strings.Cut(line, " "); is {
			version, dir, _ := strings.Cut(rest, " ")
			modules = append(modules, module{path, version, dir})
		}
	}
	return modules, nil
}
