//go:build unix

package dashboards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
)

// Serve has a Prometheus serve a history while do runs. With rules, it has what the recording rules in that file would have recorded.
func (h History) Serve(ctx context.Context, rules string, do func(*prometheus.Server) error) (err error) {
	launcher, err := exporter.Built("") // No exporter is run: what starts is ended with this process.
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, launcher.Close()) }()
	if rules != "" {
		if err := h.served(ctx, launcher, func(p *prometheus.Server) error { return h.record(ctx, p, rules) }); err != nil {
			return err
		}
	}
	return h.served(ctx, launcher, do)
}

func (h History) served(ctx context.Context, launcher prometheus.Launcher, do func(*prometheus.Server) error) (err error) {
	p, err := prometheus.Start(ctx, launcher, h.Dir, "global: {}\n")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	if err := ready(ctx, p); err != nil {
		return err
	}
	return do(p)
}

// record stores what rules would have recorded.
func (h History) record(ctx context.Context, p *prometheus.Server, rules string) error {
	promtool, err := install.Promtool(ctx, os.Stderr)
	if err != nil {
		return err
	}
	file := filepath.Join(h.Dir, "rules.yml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		return err
	}
	create := exec.CommandContext(ctx, promtool, "tsdb", "create-blocks-from", "rules", "--url=http://"+p.Address, //nolint:gosec // Its path is not a user's.
		fmt.Sprintf("--start=%d", h.at(0)), fmt.Sprintf("--end=%d", h.at(h.Scrapes-1)), "--eval-interval="+h.Interval.String(),
		"--output-dir="+prometheus.DataDir(h.Dir), file)
	if out, err := create.CombinedOutput(); err != nil || strings.Contains(string(out), "level=error") {
		return fmt.Errorf("promtool tsdb create-blocks-from rules: %w: %s", err, out)
	}
	return nil
}

// Rules are the recording rules that the dashboards use, none of which needs another.
func Rules() string {
	text := "groups:\n  - name: dashboards\n    rules:\n"
	for _, r := range dashboard.Recorded() {
		text += fmt.Sprintf("      - record: %s\n        expr: |\n          %s\n", r.Record, strings.ReplaceAll(r.Expr, "\n", "\n          "))
	}
	return text
}
