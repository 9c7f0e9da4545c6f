//go:build unix

package release

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// Options say which packages are made, and with what.
type Options struct {
	Version string // of the release, without a v
	Arch    string // as Go calls it
	Out     string // the directory of the packages
	NFPM    string // the program
	Program string // one that was built before; empty: it is built
}

// Packages makes the packages of one architecture, in the formats that .goreleaser.yaml names. What they hold beside the
// program, scripts/release-files.sh has made.
func Packages(ctx context.Context, o Options, log io.Writer) error {
	v, err := committed(ctx, o.Version)
	if err != nil {
		return err
	}
	c, err := read(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil { //nolint:gosec // For all to read.
		return err
	}
	if o.Program == "" {
		o.Program = filepath.Join(o.Out, c.Builds[0].Binary)
		if err := c.build(ctx, o.Arch, o.Program); err != nil {
			return err
		}
	}
	description, err := yaml.Marshal(c.describe(v, o))
	if err != nil {
		return err
	}
	file := filepath.Join(o.Out, "nfpm-"+o.Arch+".yaml")
	if err := os.WriteFile(file, description, 0o644); err != nil { //nolint:gosec // For all to read.
		return err
	}
	for _, format := range c.formats() {
		command := exec.CommandContext(ctx, o.NFPM, "package", "--config", file, "--packager", format, "--target", o.Out) //nolint:gosec // As the caller says.
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w; it said:\n%s", strings.Join(command.Args, " "), err, out)
		}
		lab.Say(log, "%s of %s for %s in %s", format, v.Version, o.Arch, o.Out)
	}
	return nil
}

// build builds the program for Linux.
func (c *configuration) build(ctx context.Context, arch, program string) error {
	b := c.Builds[0]
	args := append([]string{"build", "-ldflags", strings.Join(b.LDFlags, " "), "-o", program}, b.Flags...)
	command := exec.CommandContext(ctx, "go", append(args, b.Main)...) //nolint:gosec // As the repository's configuration says.
	command.Env = append(append(os.Environ(), b.Env...), "GOOS=linux", "GOARCH="+arch)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w; it said:\n%s", err, out)
	}
	return nil
}

func (c *configuration) formats() (formats []string) {
	listed, _ := c.Packages[0]["formats"].([]any)
	for _, format := range listed {
		formats = append(formats, fmt.Sprint(format))
	}
	return formats
}

// describe says in nfpm's words what goreleaser's say: it has the same keys, but for those that choose what goreleaser
// packs, and what goreleaser adds by itself.
func (c *configuration) describe(v values, o Options) map[string]any {
	said := maps.Clone(c.Packages[0])
	for _, key := range []string{"id", "ids", "formats", "file_name_template", "package_name"} {
		delete(said, key)
	}
	said["name"] = c.Packages[0]["package_name"]
	said["arch"], said["platform"], said["version"] = o.Arch, "linux", v.Version
	if deb, is := said["deb"].(map[string]any); is && o.Arch == "amd64" {
		deb["arch_variant"] = "v1" // Go's own default.
	}
	contents, _ := said["contents"].([]any)
	said["contents"] = append(slices.Clone(contents), map[string]any{
		"src": filepath.ToSlash(o.Program), "dst": path.Join("/usr/bin", c.Builds[0].Binary),
		"file_info": map[string]any{"mode": 0o755, "mtime": v.CommitDate},
	})
	return said
}
