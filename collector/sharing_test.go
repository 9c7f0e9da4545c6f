package collector

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestScrapesWithinTheMinimumIntervalShareAProbe scrapes with 10 ms between them
// (17 scrapes to an interval), and around the end of an interval.
func TestScrapesWithinTheMinimumIntervalShareAProbe(t *testing.T) {
	const lasts = 30 * time.Millisecond
	for _, test := range []struct {
		interval, pause time.Duration
		scrapes, want   int
	}{
		{200 * time.Millisecond, 10 * time.Millisecond, 1000, 59},
		{200 * time.Millisecond, 200*time.Millisecond - lasts, 10, 10}, // A start every 200 ms.
		{200 * time.Millisecond, 199*time.Millisecond - lasts, 10, 5},  // The second comes just too early.
		{10 * time.Millisecond, time.Millisecond, 10, 10},              // Shorter than a probe.
		{0, 0, 10, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := 0
			c := New(&fakeProber{[]string{"a:5432", "b:5432"}, func(context.Context) *probe.Result {
				begun++
				time.Sleep(lasts)
				return result()
			}}, log.NewNopLogger())
			c.MinInterval = test.interval
			for range test.scrapes {
				if _, err := c.Probe(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.pause)
			}
			if begun != test.want || testutil.ToFloat64(c.totals.probes) != float64(begun) {
				t.Errorf("%d scrapes with %v between them and an interval of %v began %d probes and counted %v, want %d",
					test.scrapes, test.pause, test.interval, begun, testutil.ToFloat64(c.totals.probes), test.want)
			}
		})
	}
}

func TestHEADRunsNoProbe(t *testing.T) {
	c := New(&fakeProber{[]string{"a:5432"}, func(context.Context) *probe.Result {
		t.Error("HEAD began a probe")
		return result()
	}}, log.NewNopLogger())
	recorder := httptest.NewRecorder()
	(&Handler{Collector: c, Timeout: time.Second}).ServeHTTP(recorder, httptest.NewRequest(http.MethodHead, "/metrics", nil))
	if recorder.Code != http.StatusOK || recorder.Header().Get("Content-Type") == "" || recorder.Body.Len() != 0 {
		t.Errorf("HEAD got %d, %v, %q", recorder.Code, recorder.Header(), recorder.Body)
	}
}

// TestImpatientScraperDoesNotSpoilTheSharedProbe: what one says in its header
// must not make the probe fail that others share.
func TestImpatientScraperDoesNotSpoilTheSharedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(&fakeProber{[]string{"a:5432", "b:5432"}, func(ctx context.Context) *probe.Result {
			select {
			case <-time.After(100 * time.Millisecond):
				return result()
			case <-ctx.Done():
				return broken()
			}
		}}, log.NewNopLogger())
		h := &Handler{Collector: c, Timeout: 5 * time.Second}
		scrape := func(timeout string) *httptest.ResponseRecorder {
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set(timeoutHeader, timeout)
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, request)
			return recorder
		}
		if recorder := scrape("0.001"); recorder.Code != http.StatusServiceUnavailable {
			t.Errorf("the impatient scraper got %d, want 503", recorder.Code)
		}
		scrape("5")
		if probes := testutil.ToFloat64(c.totals.probes); probes != 1 || c.latest.Write == nil {
			t.Errorf("%v probes, the last one %+v; want one that wrote", probes, c.latest)
		}
	})
}
