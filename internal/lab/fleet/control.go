//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// patience is how long a client of the control may take for its headers.
const patience = time.Minute

// control is pages that cost next to nothing, scraped by the same Prometheus at the same pace: what their scrapes
// take is the machine's and Prometheus's own, whatever the exporter does.
type control struct {
	server  *http.Server
	address string
	ended   chan error
}

const (
	controlJob     = "control"
	controlTargets = 100
	// controlSeries is about as many as a scrape of the exporter has.
	controlSeries = 250
)

func startControl(ctx context.Context) (*control, error) {
	var page strings.Builder
	for i := range controlSeries {
		fmt.Fprintf(&page, "control_series{number=\"%d\",team=\"laboratory\"} %d\n", i, i)
	}
	text := []byte(page.String())
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &control{address: listener.Addr().String(), ended: make(chan error, 1)}
	c.server = &http.Server{
		ReadHeaderTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = w.Write(text) // Whoever is gone needs no page.
		}),
	}
	go func() { c.ended <- c.server.Serve(listener) }()
	return c, nil
}

// stop ends it and waits until it has ended.
func (c *control) stop() error {
	err := c.server.Close()
	if served := <-c.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// scrapeConfig is the job that scrapes it, for Prometheus's configuration.
func (c *control) scrapeConfig() string {
	var text strings.Builder
	fmt.Fprintf(&text, "  - job_name: %s\n    static_configs:\n", controlJob)
	for i := range controlTargets {
		fmt.Fprintf(&text, "      - {targets: [%q], labels: {instance: control%d}}\n", c.address, i)
	}
	return text.String()
}

// controlled returns the 99th percentile of the control's scrapes between two moments.
func (p *prometheus) controlled(ctx context.Context, from, to time.Time) (time.Duration, error) {
	series, err := p.raw(ctx, controlJob, "scrape_duration_seconds", from, to)
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for _, points := range series {
		for _, point := range points.values {
			took = append(took, time.Duration(float64(point.Value)*float64(time.Second)))
		}
	}
	return lab.Quantile(took, 0.99), nil
}
