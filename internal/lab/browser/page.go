//go:build unix

package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// View is how a page is looked at.
type View struct {
	Width, Height int64
	Dark          bool
	// Bare is without JavaScript.
	Bare bool
}

// Page is a tab of the browser.
type Page struct {
	ctx   context.Context //nolint:containedctx // As that of a browser.
	close context.CancelFunc

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// Open opens a page. It is to be closed.
func (b *Browser) Open(view View, url string) (*Page, error) {
	p := &Page{}
	p.ctx, p.close = chromedp.NewContext(b.ctx, chromedp.WithListener(p.listen))
	if err := chromedp.Do(p.ctx, view.set, chromedp.Navigate(url)); err != nil {
		p.close()
		return nil, fmt.Errorf("opening %s: %w", url, err)
	}
	return p, nil
}

// set has a tab look so.
func (v View) set(ctx context.Context, tab *chromedp.Target) (none chromedp.Void, err error) {
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	for _, step := range []func() error{
		func() error { _, err := cdp.Call(ctx, tab, log.Enable, cdp.Empty{}); return err },
		func() error { _, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{}); return err },
		func() error {
			_, err := cdp.Call(ctx, tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Width < 600,
			})
			return err
		},
		func() error {
			_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.Bare})
			return err
		},
		func() error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			return err
		},
	} {
		if err := step(); err != nil {
			return none, err
		}
	}
	return none, nil
}

// Close closes the tab.
func (p *Page) Close() { p.close() }

// listen keeps what the page complains of, and asks for.
func (p *Page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		p.complaints = append(p.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		for _, argument := range e.Args {
			p.complaints = append(p.complaints, fmt.Sprintf("%s: %s", e.Type, argument.Value))
		}
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// Complaints are what the page has had to say to its console so far.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.complaints...)
}

// Requests are the addresses that the page has asked for so far.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Do runs actions of the browser's library on the page.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) error {
	return chromedp.Do(p.ctx, actions...)
}

// Picture returns the whole page as a PNG.
func (p *Page) Picture() ([]byte, error) { return chromedp.Run(p.ctx, chromedp.FullScreenshot(100)) }

// Evaluate returns what a JavaScript expression is on the page. Where that is being exchanged for another one, it is that on the new one.
func Evaluate[T any](p *Page, expression string) (value T, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		value, err = chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
		if err == nil || !exchanged(err) || time.Now().After(deadline) {
			return value, err
		}
	}
}

// exchanged says whether something failed because the page it was about went away meanwhile.
func exchanged(err error) bool {
	return strings.Contains(err.Error(), "context") || strings.Contains(err.Error(), "navigated")
}

const (
	// patience guards against waiting for ever, and is no limit that a slow machine should meet.
	patience = 3 * time.Minute
	// pause is how long to wait until a page is looked at again.
	pause = 20 * time.Millisecond
)

// Await waits until a JavaScript expression is true on the page.
func (p *Page) Await(expression string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		is, err := Evaluate[bool](p, "Boolean("+expression+")")
		switch {
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", expression, err)
		case is:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("after %v it is not so on the page that %s", patience, expression)
		}
	}
}

// Heard is what somebody hears who has the page read out: a line for each node of its accessibility tree, with role and name.
func (p *Page) Heard() (string, error) {
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return "", err
	}
	var lines []string
	for _, node := range tree.Nodes {
		if node.Ignored || node.Name == nil || node.Role == nil {
			continue
		}
		var role, name string
		if err := errors.Join(json.Unmarshal(node.Role.Value, &role), json.Unmarshal(node.Name.Value, &name)); err != nil {
			return "", err
		}
		if name != "" && role != "InlineTextBox" { // That is how a text is broken into lines.
			lines = append(lines, role+" "+name)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// Follow does what leads to another page, waits for that, and returns its status.
func (p *Page) Follow(actions ...chromedp.Action[chromedp.Void]) (status int64, err error) {
	response, err := chromedp.RunResponse(p.ctx, actions...)
	if err != nil {
		return 0, err
	}
	return response.Status, nil
}
