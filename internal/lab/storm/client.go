//go:build unix

package storm

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// client scrapes clusters, one after the other.
type client struct {
	*storm
	random    *rand.Rand
	transport *http.Transport
	http      *http.Client
	names     []string
}

func newClient(s *storm, random *rand.Rand) *client {
	transport := &http.Transport{DisableCompression: true}
	return &client{s, random, transport, &http.Client{Transport: transport}, s.book.names()}
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// accepted are the formats that scrapers ask for; the last one is not read here but for its end.
var accepted = []string{
	"", "text/plain;version=0.0.4", string(expfmt.NewFormat(expfmt.TypeProtoDelim)), "application/openmetrics-text;version=1.0.0",
}

// act makes one scrape, of whatever kind, and sometimes asks for something else besides.
func (c *client) act(ctx context.Context) {
	name := c.names[c.random.IntN(len(c.names))]
	switch c.random.IntN(20) {
	case 0, 1, 2, 3:
		c.leave(ctx, name)
	case 4:
		c.head(ctx, name)
	case 5:
		c.unknown(ctx)
	case 6:
		c.targets(ctx)
		c.scrape(ctx, name)
	default:
		c.scrape(ctx, name)
	}
}

// request returns one for a cluster's probe.
func (c *client) request(ctx context.Context, method, path string) *http.Request {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.exporter.address+path, nil)
	if err != nil {
		panic(err) // The address is one.
	}
	if c.random.IntN(2) == 0 {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	if c.random.IntN(3) > 0 {
		request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprintf("%.3f", 0.005+c.random.Float64()*c.random.Float64()))
	}
	request.Header.Set("Accept", accepted[c.random.IntN(len(accepted))])
	return request
}

func probePath(name string) string { return "/probe?target=" + name }

// leave makes a scrape, and is gone at a random moment.
func (c *client) leave(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.random.Float64()*c.random.Float64()*float64(100*time.Millisecond)))
	defer cancel()
	c.tally.note(func(t *figures) { t.scrapes++ })
	request := c.request(ctx, http.MethodGet, probePath(name))
	response, err := c.http.Do(request)
	if err == nil {
		_, err = io.CopyN(io.Discard, response.Body, int64(c.random.IntN(4096)))
		_ = response.Body.Close() // With what was not read, the connection is closed.
	}
	c.tally.note(func(t *figures) {
		if err != nil && !errors.Is(err, io.EOF) {
			t.left++
		}
	})
}

// head asks for the header alone, which begins no probe.
func (c *client) head(ctx context.Context, name string) {
	e, began := c.book.entries[name], time.Now()
	status, body, err := c.do(c.request(ctx, http.MethodHead, probePath(name)))
	if c.expect(ctx, err) && c.there(e, name, status, began) && len(body) > 0 {
		c.tally.blame("HEAD of %s has a body", name)
	}
}

// unknown asks for a cluster that never was.
func (c *client) unknown(ctx context.Context) {
	status, body, err := c.do(c.request(ctx, http.MethodGet, probePath("none")))
	if c.expect(ctx, err) && (status != http.StatusNotFound || bytes.Contains(body, []byte("pg_canary_up"))) {
		c.tally.blame("an unknown cluster is answered with %d: %s", status, body)
	}
}

// do makes a request, and returns its whole answer.
func (c *client) do(request *http.Request) (status int, body []byte, err error) {
	c.tally.note(func(t *figures) { t.scrapes++ })
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // It was only read.
	from := io.Reader(response.Body)
	if response.Header.Get("Content-Encoding") == "gzip" && request.Method != http.MethodHead {
		if from, err = gzip.NewReader(from); err != nil {
			return 0, nil, err
		}
	}
	body, err = io.ReadAll(from)
	request.Header.Set("Accept", response.Header.Get("Content-Type")) // Where the caller finds it.
	return response.StatusCode, body, err
}

// expect blames a request that failed though nobody cut it off.
func (c *client) expect(ctx context.Context, err error) bool {
	if err != nil && ctx.Err() == nil {
		c.tally.blame("a request that nobody cut off failed: %v", err)
	}
	return err == nil
}

// there says whether an answer is of a cluster that there was, and blames one whose status is not right.
func (c *client) there(e *entry, name string, status int, began time.Time) bool {
	e.mu.Lock()
	specs := inForce(e.specs, began, time.Now())
	e.mu.Unlock()
	for _, s := range specs {
		if s.there() && status == http.StatusOK || !s.there() && status == http.StatusNotFound {
			return status == http.StatusOK
		}
	}
	c.tally.blame("%s is answered with %d, where its configurations were %v", name, status, specs)
	return false
}

// scrape makes a scrape and judges it. It returns the answer; nil where there was none.
func (c *client) scrape(ctx context.Context, name string) *answer {
	e := c.book.entries[name]
	a := &answer{witnessed: e.began(), began: time.Now()}
	request := c.request(ctx, http.MethodGet, probePath(name))
	status, body, err := c.do(request)
	a.ended = time.Now()
	if !c.expect(ctx, err) || !c.there(e, name, status, a.began) {
		return nil
	}
	format := expfmt.Format(request.Header.Get("Accept"))
	if format.FormatType() == expfmt.TypeOpenMetrics {
		if !bytes.HasSuffix(body, []byte("# EOF\n")) {
			c.tally.blame("an answer in OpenMetrics has no end: %s", body)
		}
		return nil
	}
	if a.samples, err = parse(body, format); err != nil {
		c.tally.blame("an answer of %s cannot be read: %v", name, err)
		return nil
	}
	wrong := e.judge(*a)
	for _, each := range wrong {
		c.tally.blame("%s: %s", name, each)
	}
	c.tally.note(func(t *figures) {
		t.judged++
		if up, _ := a.of("pg_canary_up"); up == 1 {
			t.up++
		}
	})
	return a
}

// parse reads an answer.
func parse(body []byte, format expfmt.Format) (samples []sample, err error) {
	for decoder := expfmt.NewDecoder(bytes.NewReader(body), format); ; {
		family := &dto.MetricFamily{}
		switch err := decoder.Decode(family); {
		case errors.Is(err, io.EOF):
			return samples, nil
		case err != nil:
			return nil, err
		}
		for _, m := range family.GetMetric() {
			s := sample{name: family.GetName(), labels: map[string]string{}}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				s.value, s.counter = m.GetCounter().GetValue(), true
			case m.GetHistogram() != nil:
				s.value, s.counter = float64(m.GetHistogram().GetSampleCount()), true
			default:
				s.value = m.GetGauge().GetValue()
			}
			samples = append(samples, s)
		}
	}
}

// targets asks which clusters there are.
func (c *client) targets(ctx context.Context) {
	began := time.Now()
	status, body, err := c.do(c.request(ctx, http.MethodGet, "/targets"))
	c.tally.note(func(t *figures) { t.scrapes-- })
	if !c.expect(ctx, err) {
		return
	}
	var targets []struct {
		Labels map[string]string `json:"labels"`
	}
	if err := json.Unmarshal(body, &targets); err != nil || status != http.StatusOK {
		c.tally.blame("the targets are answered with %d: %v", status, err)
		return
	}
	teams := map[string]string{}
	for _, t := range targets {
		teams[t.Labels["cluster"]] = t.Labels["team"]
	}
	for name, e := range c.book.entries {
		e.mu.Lock()
		specs := inForce(e.specs, began, time.Now())
		e.mu.Unlock()
		if !anyHas(specs, teams[name]) {
			c.tally.blame("the targets have %s of the team %q, where its configurations were %v", name, teams[name], specs)
		}
	}
}

// anyHas says whether one of the specs is of a team, or of no cluster where that is "".
func anyHas(specs []spec, team string) bool {
	for _, s := range specs {
		if s.there() && s.team == team || !s.there() && team == "" {
			return true
		}
	}
	return false
}

// well says whether a cluster is as it is to be when all is calm.
func (c *client) well(ctx context.Context, name string) bool {
	a := c.scrape(ctx, name)
	if a == nil {
		return false
	}
	synced := 0
	for _, s := range a.samples {
		if s.name == "pg_canary_synced" && s.value == 1 && !strings.HasSuffix(s.node(), "-a") {
			synced++
		}
	}
	up, _ := a.of("pg_canary_up")
	return up == 1 && synced == replicas
}
