//go:build unix

package exporter

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrapeTimeout is half of Prometheus's default.
const scrapeTimeout = 5 * time.Second

// Samples are the gauges and counters of one scrape, by name; of a metric with several
// series the last one counts, which on a pair is the only one of those that are looked at. A
// histogram has a name_count and a name_sum, and verdicts_total a name for each verdict: name synced.
type Samples struct {
	Values map[string]*float64
	// State is the one that a replica is in.
	State string
	// Nodes are those of each node or replica, by its name.
	Nodes map[string]Samples
}

// Scrape scrapes once.
func (e *Exporter) Scrape(ctx context.Context) (Samples, error) {
	request, err := e.request(ctx, "/metrics", http.Header{})
	if err != nil {
		return Samples{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Samples{}, err
	}
	defer response.Body.Close() //nolint:errcheck // It was read to its end.
	if response.StatusCode != http.StatusOK {
		return Samples{}, fmt.Errorf("a scrape ended in %s", response.Status)
	}
	return Parse(response.Body)
}

// WaitSynced scrapes until the replica shows canaries in time, so many in a row.
func (e *Exporter) WaitSynced(ctx context.Context, inARow int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for good := 0; good < inARow; {
		samples, err := e.Scrape(ctx)
		if err != nil {
			return fmt.Errorf("waiting until the pair is synced: %w", err)
		}
		good++
		if samples.State != "synced" || samples.Value("pg_canary_synced") != 1 {
			good = 0
		}
	}
	return nil
}

func (e *Exporter) request(ctx context.Context, path string, header http.Header) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(e.timeout.Seconds(), 'f', -1, 64))
	return request, nil
}

// Scraper returns what makes one scrape over a connection that stays open until
// closing. It writes the request and reads the answer on the caller's goroutine:
// those of http.Client cost it 0.1 ms, which is none of the exporter's. The text
// goes to out.
func (e *Exporter) Scraper(ctx context.Context, path string, header http.Header, out io.Writer) (scrape func(context.Context) error, closing io.Closer, err error) {
	request, err := e.request(ctx, path, header)
	if err != nil {
		return nil, nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.Address)
	if err != nil {
		return nil, nil, err
	}
	answers := bufio.NewReader(conn)
	return func(ctx context.Context) error {
		if err := errors.Join(ctx.Err(), request.Write(conn)); err != nil {
			return err
		}
		response, err := http.ReadResponse(answers, request)
		if err != nil {
			return err
		}
		return drain(response, out)
	}, conn, nil
}

// drain reads an answer to its end.
func drain(response *http.Response, out io.Writer) error {
	_, err := io.Copy(out, response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return err
}

// Parse reads the samples of a scrape's text.
func Parse(text io.Reader) (Samples, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Samples{}, err
	}
	s := Samples{Values: map[string]*float64{}, Nodes: map[string]Samples{}}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			s.add(name, metric)
			node := cmp.Or(label(metric, "replica"), label(metric, "node"))
			if node == "" {
				continue
			}
			of, known := s.Nodes[node]
			if !known {
				of.Values = map[string]*float64{}
			}
			of.add(name, metric)
			s.Nodes[node] = of
		}
	}
	return s, nil
}

func (s *Samples) add(name string, metric *dto.Metric) {
	if gauge := metric.GetGauge(); gauge != nil {
		s.Values[name] = gauge.Value
	}
	if counter := metric.GetCounter(); counter != nil {
		s.Values[name] = counter.Value
		if verdict := label(metric, "verdict"); verdict != "" {
			s.Values[name+" "+verdict] = counter.Value
		}
	}
	if histogram := metric.GetHistogram(); histogram != nil {
		count := float64(histogram.GetSampleCount())
		s.Values[name+"_count"], s.Values[name+"_sum"] = &count, histogram.SampleSum
	}
	if name == "pg_canary_replica_state" && metric.GetGauge().GetValue() == 1 {
		s.State = label(metric, "state")
	}
}

func label(metric *dto.Metric, name string) string {
	for _, pair := range metric.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// Value returns a sample, and -1, which none of them has, when it is absent.
func (s Samples) Value(name string) float64 {
	if value := s.Values[name]; value != nil {
		return *value
	}
	return -1
}

// Integer returns a sample as a whole number, nil when it is absent.
func (s Samples) Integer(name string) *int64 {
	value := s.Values[name]
	if value == nil {
		return nil
	}
	whole := int64(*value)
	return &whole
}
