//go:build unix

package dashboards

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// blockLength is that of Prometheus's own blocks.
const blockLength = 2 * time.Hour

// History is what a Prometheus would have stored of clusters.
type History struct {
	// Dir is its directory.
	Dir      string
	End      time.Time
	Scrapes  int
	Interval time.Duration
}

// Write stores the samples of all scrapes, by promtool.
func (h History) Write(ctx context.Context, clusters []Cluster) error {
	promtool, err := install.Promtool(ctx, io.Discard)
	if err != nil {
		return err
	}
	var writers []*writer
	for i := range clusters {
		writers = append(writers, newWriter(&clusters[i]))
	}
	text := filepath.Join(h.Dir, "samples.txt")
	for from := 0; from < h.Scrapes; {
		to := h.endOfBlock(from)
		if err := h.writeText(text, writers, from, to); err != nil {
			return err
		}
		create := exec.CommandContext(ctx, promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", text, filepath.Join(h.Dir, "data")) //nolint:gosec // Its path is not a user's.
		if out, err := create.CombinedOutput(); err != nil {
			return fmt.Errorf("promtool tsdb create-blocks-from openmetrics: %w: %s", err, out)
		}
		from = to
	}
	if err := os.Remove(text); err != nil {
		return err
	}
	return h.remember()
}

// remember leaves a file with what the history is.
func (h History) remember() error {
	content, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.Dir, "history.json"), content, 0o600)
}

// read returns the history that is in the directory; nil where there is none.
func (h History) read() (*History, error) {
	content, err := os.ReadFile(filepath.Join(h.Dir, "history.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // There is none.
	}
	if err != nil {
		return nil, err
	}
	kept := &History{}
	if err := json.Unmarshal(content, kept); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Dir, err)
	}
	kept.Dir = h.Dir
	return kept, nil
}

// endOfBlock is the first scrape that belongs into the block after the one of the scrape from.
func (h History) endOfBlock(from int) int {
	length := int64(blockLength / time.Second)
	bound := (h.at(from)/length + 1) * length
	to := from + 1
	for to < h.Scrapes && h.at(to) < bound {
		to++
	}
	return to
}

func (h History) writeText(name string, writers []*writer, from, to int) (err error) {
	file, err := os.Create(name) //nolint:gosec // In a directory of the caller's.
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffer := bufio.NewWriterSize(file, 1<<20)
	for i := from; i < to; i++ {
		for _, w := range writers {
			w.scrape(buffer, i, h.at(i))
		}
	}
	if _, err := buffer.WriteString("# EOF\n"); err != nil {
		return err
	}
	return buffer.Flush()
}

// at is the time of a scrape, in seconds since 1970.
func (h History) at(i int) int64 {
	return h.End.Add(-time.Duration(h.Scrapes-1-i) * h.Interval).Unix()
}
