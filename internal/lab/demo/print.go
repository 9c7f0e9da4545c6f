//go:build unix

package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// printer prints what several have to say: tables, with an empty line around
// them, and lines between these.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	table bool // is what was printed last, or what is set apart as one
}

// Write prints text as it is.
func (p *printer) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

// say prints a line about what happens, with the time.
func (p *printer) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table {
		lab.Say(p.out, "")
	}
	p.table = false
	lab.Say(p.out, "%s %s", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// show prints a table, with the time above it.
func (p *printer) show(lines []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.table = true
	lab.Say(p.out, "\n%s\n%s", time.Now().Format(time.TimeOnly), strings.Join(lines, "\n"))
}

// print passes on what the exporter's own `check --watch` says.
func (d *demo) print(ctx context.Context) error {
	args := append([]string{"check", "--watch", "--watch.interval=" + d.Interval.String()}, d.names...)
	check := d.program.Command(ctx, d.dsns, args...)
	// One pipe for both keeps the reasons behind their table.
	lines, said := io.Pipe()
	check.Stdout, check.Stderr = said, said
	wait, err := d.program.Launch(check)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- wait()
		_ = said.Close() // It cannot fail.
	}()
	d.passOn(ctx, lines)
	_ = lines.Close() // What is said at the end is not for the user.
	if err := <-ended; ctx.Err() == nil {
		return fmt.Errorf("check --watch ended: %w", err)
	}
	return nil
}

// passOn prints tables, each at once, and the reasons that follow one.
func (d *demo) passOn(ctx context.Context, lines io.Reader) {
	const head = "NODE"
	var table []string
	for text := bufio.NewScanner(lines); text.Scan() && ctx.Err() == nil; {
		switch {
		case strings.HasPrefix(text.Text(), head):
			table = []string{text.Text()}
		case table == nil:
			lab.Say(d.out, "%s", text.Text())
		default:
			table = append(table, text.Text())
		}
		if len(table) == 1+len(d.dsns) {
			d.out.show(table)
			table = nil
		}
	}
}
