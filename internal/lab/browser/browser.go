//go:build unix

// Package browser has tests look at pages as a person's browser shows them: it runs Chromium without a window, keeps
// what a page complains of and asks for, and takes pictures.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// Browser is a running Chromium.
type Browser struct {
	ctx context.Context //nolint:containedctx // Its library keeps the browser in it.
	end func() error
}

// Start starts Chromium. It is to be closed.
func Start(ctx context.Context) (*Browser, error) {
	path, err := install.Chromium(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; `make tools` installs it", err)
	}
	profile, err := os.MkdirTemp("", "browser-")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], //nolint:gocritic // It is an array, of which this is a copy.
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	allocator, forgetAllocator := chromedp.NewExecAllocator(ctx, options...)
	running, forget := chromedp.NewContext(allocator)
	b := &Browser{ctx: running}
	b.end = sync.OnceValue(func() error {
		err := chromedp.Cancel(running)
		forget()
		forgetAllocator()
		return errors.Join(err, remove(profile))
	})
	if err := chromedp.Do(running); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", path, err), b.end())
	}
	return b, nil
}

// Close ends it.
func (b *Browser) Close() error { return b.end() }

// remove removes a profile. Chromium's last processes may still write there for a moment.
func remove(profile string) (err error) {
	for range 100 {
		if err = os.RemoveAll(profile); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
