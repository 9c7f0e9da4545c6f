package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/drill"
)

// runDrill sends beats through a failover and reports what they show. The live lines go to
// stderr, so that stdout holds the report alone.
func runDrill(ctx context.Context, o *options, stdout, stderr io.Writer) error {
	if err := o.drill.check(); err != nil {
		return err
	}
	o.settings.Section = o.drill.section
	nodes, err := o.nodes()
	if err != nil {
		return err
	}
	picture, err := openPicture(o.drill.svg)
	if err != nil {
		return err
	}
	defer picture.close()
	settings := o.drillRun(stderr)
	cluster, drilling := probe.New(settings.Probes(), nodes...), drill.New(settings)
	cluster.Observe(drilling)
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = cluster.Close(bounded) // There is nobody left to tell.
	}()
	record, failed := drilling.Run(ctx, cluster)
	if record == nil {
		return failed
	}
	o.drill.limits.Recovers = o.drill.untilRecovered
	exceeded := o.drill.limits.Check(record)
	if err := errors.Join(failed, writeReport(stdout, o.drill.output, record, exceeded), picture.write(record)); err != nil {
		return err
	}
	return passedLimits(exceeded)
}

func writeReport(w io.Writer, format string, record *drill.Record, exceeded []drill.Excess) error {
	show := drill.Text
	if format == "json" {
		show = func(w io.Writer, r *drill.Record) error { return drill.JSON(w, r, exceeded) }
	}
	if err := show(w, record); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// passedLimits ends the program with status 1 where a limit was passed.
func passedLimits(exceeded []drill.Excess) error {
	if len(exceeded) == 0 {
		return nil
	}
	lines := make([]string, len(exceeded))
	for i, e := range exceeded {
		lines[i] = e.Limit + " was not kept: " + e.Text
	}
	return &statusError{1, errors.New(strings.Join(lines, "\n"))}
}

// picture is the file of --svg, which is opened before the drill: that it cannot be written
// should not be known only afterwards. The zero value is none.
type picture struct {
	file *os.File
	made bool // by this run
}

func openPicture(name string) (*picture, error) {
	if name == "" {
		return &picture{}, nil
	}
	_, missing := os.Stat(name)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // It is for others to read.
	if err != nil {
		return nil, fmt.Errorf("--svg: %w", err)
	}
	return &picture{file: file, made: errors.Is(missing, os.ErrNotExist)}, nil
}

// write writes the picture in the place of what the file held.
func (p *picture) write(record *drill.Record) error {
	if p.file == nil {
		return nil
	}
	p.made = false
	if err := errors.Join(p.file.Truncate(0), drill.SVG(p.file, record)); err != nil {
		return fmt.Errorf("--svg: %w", err)
	}
	return nil
}

// close leaves no empty file behind.
func (p *picture) close() {
	if p.file == nil {
		return
	}
	_ = p.file.Close() // What was written, write has told.
	if p.made {
		_ = os.Remove(p.file.Name())
	}
}
