//go:build unix

package storm

import (
	"context"
	"fmt"
	"os"
	"runtime"
)

// left is what is there when all is calm.
type left struct {
	goroutines, sessions, files int
	heap                        uint64 // bytes
}

func (l left) String() string {
	return fmt.Sprintf("%d goroutines, %d sessions, %d open files, %.1f MB of heap", l.goroutines, l.sessions, l.files, float64(l.heap)/1e6)
}

// count returns what is there now.
func (s *storm) count() (left, error) {
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		return left{}, err
	}
	runtime.GC() // Twice: what a pool keeps goes with the second one.
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return left{runtime.NumGoroutine(), s.servers.Count().Open, len(files), memory.HeapAlloc}, nil
}

// settled waits until each server has one session, and until no more is left than before, where that is given.
func (s *storm) settled(ctx context.Context, c *client, before *left) (now left, err error) {
	c.close()
	sessions := len(s.servers.Clusters) * (1 + replicas)
	waited := until(ctx, "nothing is left", func() bool {
		now, err = s.count()
		return err != nil || now.sessions == sessions && (before == nil || now.goroutines <= before.goroutines && now.files <= before.files)
	})
	if waited != nil && err == nil {
		err = fmt.Errorf("there are %v, where there were %v: %w\n%s", now, before, waited, stacks())
	}
	return now, err
}

// stacks returns what goroutines do.
func stacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}

// Most that the heap may grow by, from one part to a later one.
const (
	mostGrowth    = 1.15
	alwaysAllowed = 2 << 20 // bytes
)

// grownFrom says what there is more of than before; "" for nothing.
func (l left) grownFrom(before left) string {
	if limit := float64(before.heap)*mostGrowth + alwaysAllowed; float64(l.heap) > limit {
		return fmt.Sprintf("the heap grew from %.1f to %.1f MB", float64(before.heap)/1e6, float64(l.heap)/1e6)
	}
	return ""
}

// gone waits until no session is left, when the exporter has ended.
func (s *storm) gone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return until(ctx, "no session is left", func() bool { return s.servers.Count().Open == 0 })
}
