//go:build unix

package guides

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// toolbox is what all pages use, where an account without rights finds it.
type toolbox struct {
	dir   string // with the exporter, prometheus and promtool
	rules string // Prometheus's rules
	close func() error
}

// newToolbox builds the exporter, and gets Prometheus if need be.
func newToolbox(ctx context.Context, log io.Writer) (*toolbox, error) {
	program, err := exporter.Build(ctx)
	if err != nil {
		return nil, err
	}
	t := &toolbox{dir: filepath.Dir(program.Path), close: program.Close}
	t.rules = filepath.Join(t.dir, "rules")
	if err := t.fill(ctx, log); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *toolbox) fill(ctx context.Context, log io.Writer) error {
	prometheus, err := install.Prometheus(ctx, log)
	if err != nil {
		return err
	}
	for _, name := range []string{"prometheus", "promtool"} {
		if err := place(filepath.Join(filepath.Dir(prometheus), name), filepath.Join(t.dir, name)); err != nil {
			return err
		}
	}
	rules, err := filepath.Glob("prometheus/rules/*.yml")
	if err != nil || len(rules) == 0 {
		return fmt.Errorf("no rules in prometheus/rules: run this in the repository (%w)", err)
	}
	//nolint:gosec // Another user enters them.
	if err := errors.Join(os.Mkdir(t.rules, 0o755), os.Chmod(t.dir, 0o755)); err != nil {
		return err
	}
	for _, rule := range rules {
		if err := place(rule, filepath.Join(t.rules, filepath.Base(rule))); err != nil {
			return err
		}
	}
	return nil
}

// place copies a file for everybody.
func place(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // It was only read.
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = target.ReadFrom(source)
	return errors.Join(err, target.Chmod(info.Mode().Perm()|0o444), target.Close())
}
