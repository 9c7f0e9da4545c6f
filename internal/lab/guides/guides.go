//go:build unix

package guides

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// dir is where the pages are, in the repository.
const dir = "docs/guides"

// Options are what is played, and how.
type Options struct {
	// Names are the pages to play, without the ending; none: all.
	Names []string
	// Write puts what the commands printed into the pages, in the place of what was seen before.
	Write bool
	// Show prints all that the commands print.
	Show bool
	// Limit is how long a page may take. It only guards against hanging.
	Limit time.Duration
}

// player plays pages.
type player struct {
	Options
	out              io.Writer
	tools            *toolbox
	ran, not, failed []string // for the list at the end
}

// Run plays the pages of docs/guides on servers of its own, and ends with a list of what was run, what was not and why. It
// returns lab.ErrUntrue where a page's commands fail or print something else than the page says.
func Run(ctx context.Context, options Options, out io.Writer) (err error) {
	pages, err := readAll(dir, options.Names)
	if err != nil {
		return err
	}
	p := &player{Options: options, out: out}
	if p.tools, err = newToolbox(ctx, out); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.tools.close()) }()
	for _, page := range pages {
		if err := p.play(ctx, page); err != nil {
			return err
		}
	}
	return p.conclude()
}

// readAll parses the pages that are named, or all.
func readAll(dir string, names []string) ([]guide, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no pages in %s: run this in the repository", dir)
	}
	var all []guide
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		g, err := parse(name, string(text))
		if err != nil {
			return nil, err
		}
		if _, known := scenes[g.scene]; g.scene != "" && !known {
			return nil, fmt.Errorf("%s.md: there is no scene %s; there are %s", name, g.scene, sceneNames())
		}
		all = append(all, g)
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(g guide) bool { return g.name == name }) {
			return nil, fmt.Errorf("there is no page %s.md in %s", name, dir)
		}
	}
	return all, nil
}

// play plays a page. An error is one of ours.
func (p *player) play(ctx context.Context, g guide) error {
	for _, b := range g.blocks {
		if b.notRun != "" {
			p.not = append(p.not, fmt.Sprintf("%s.md:%d: %s", g.name, b.line, b.notRun))
		}
	}
	if g.scene == "" {
		return nil
	}
	began := time.Now()
	wrong, err := p.perform(ctx, g)
	switch took := time.Since(began).Seconds(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		wrong = err.Error()
		fallthrough
	case wrong != "":
		lab.Say(p.out, "%s: FAILED after %.0f s: %s", g.name, took, wrong)
		p.failed = append(p.failed, g.name)
	default:
		lab.Say(p.out, "%s: as it says (%.0f s)", g.name, took)
		p.ran = append(p.ran, fmt.Sprintf("%s.md on the scene %s", g.name, g.scene))
	}
	return nil
}

// perform plays a page on its scene, and returns what is wrong with the page.
func (p *player) perform(ctx context.Context, g guide) (wrong string, err error) {
	s, err := newStage(p.tools)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := scenes[g.scene](ctx, s); err != nil {
		return "", fmt.Errorf("its scene: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	printed, ended, err := s.bash(limited, g)
	if err != nil {
		return "", err
	}
	if p.Show {
		lab.Say(p.out, "%s", strings.ReplaceAll(printed, separator, "=== block "))
	}
	if ended != nil {
		byBlock, last := outputs(printed)
		if last < 0 {
			return "no block was begun: " + printed, nil
		}
		return fmt.Sprintf("%s.md:%d: these commands end with %v, after:\n%s\n%s", g.name, g.blocks[last].line, ended, byBlock[last], s.logs()), nil
	}
	if p.Write {
		return "", rewrite(g, printed)
	}
	return g.judge(printed), nil
}

// bash runs the page's commands. How they ended is not our error.
func (s *stage) bash(ctx context.Context, g guide) (printed string, ended, err error) {
	text, err := g.script(s.definitions)
	if err != nil {
		return "", nil, err
	}
	file, err := s.write("guide.sh", text)
	if err != nil {
		return "", nil, err
	}
	work := filepath.Join(s.dir, workplace)
	if err := s.account.MakeDir(work); err != nil {
		return "", nil, err
	}
	cmd := s.account.Command(ctx, work, "bash", file)
	cmd.Env = append(cmd.Env, s.env()...)
	// A file, and no pipe, which what the commands leave running would keep open.
	output, err := os.OpenFile(filepath.Join(s.dir, "printed"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", nil, err
	}
	defer output.Close() //nolint:errcheck // It goes with the stage.
	cmd.Stdout, cmd.Stderr = output, output
	process, err := s.cleaner.Run(cmd)
	if err != nil {
		return "", nil, err
	}
	<-process.Done
	// Its session's group: what was left in the background.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	switch {
	case ctx.Err() != nil:
		ended = errors.New("no end in time (--limit)")
	case !cmd.ProcessState.Success():
		ended = errors.New(cmd.ProcessState.String())
	}
	content, err := os.ReadFile(output.Name())
	return string(content), ended, err
}

// rewrite puts what was printed into the page.
func rewrite(g guide, printed string) error {
	file := filepath.Join(dir, g.name+".md")
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(g.rewritten(string(page), printed)), 0o644) //nolint:gosec // A page that all may read.
}

// conclude prints what was run, and what was not.
func (p *player) conclude() error {
	lab.Say(p.out, "\nRan:\n%s", strings.Join(p.ran, "\n"))
	if len(p.not) > 0 {
		lab.Say(p.out, "\nNot run:\n%s", strings.Join(p.not, "\n"))
	}
	if len(p.failed) > 0 {
		lab.Say(p.out, "\nFailed:\n%s", strings.Join(p.failed, "\n"))
		return lab.ErrUntrue
	}
	return nil
}
