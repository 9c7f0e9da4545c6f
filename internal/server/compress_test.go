package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCompression: whoever takes gzip gets it, for all that is worth it, and whoever does not gets plain text.
func TestCompression(t *testing.T) {
	config := testConfig(&fakeCluster{})
	handler, err := routes(config, new(atomic.Bool))
	must(t, err)
	for _, test := range []struct {
		path, accepted string
		compressed     bool
	}{
		{"/metrics", "gzip", true},
		{"/metrics", "zstd, gzip;q=0.5", true},
		{"/probe?target=default", "gzip, deflate", true},
		{"/", "gzip", true},
		{"/metrics", "", false},
		{"/metrics", "identity", false},
		{"/metrics", "gzip;q=0", false},
		{"/metrics", "zstd", false},
		{"/-/healthy", "gzip", false}, // It would grow.
	} {
		request := httptest.NewRequest(http.MethodGet, test.path, nil)
		request.Header.Set("Accept-Encoding", test.accepted)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		result := recorder.Result()
		if compressed := result.Header.Get("Content-Encoding") == "gzip"; compressed != test.compressed {
			t.Errorf("%s for a client that takes %q: %v", test.path, test.accepted, result.Header)
		}
		if vary := strings.Join(result.Header.Values("Vary"), ","); !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s varies with %q", test.path, vary)
		}
		text := recorder.Body.Bytes()
		if test.compressed {
			uncompressed, err := gzip.NewReader(recorder.Body)
			must(t, err)
			text, err = io.ReadAll(uncompressed)
			must(t, err)
		}
		if plain := plainAnswer(handler, test.path); !slices.Equal(shape(text), shape(plain)) {
			t.Errorf("%s for a client that takes %q:\n%s\nis not\n%s", test.path, test.accepted, text, plain)
		}
	}
}

// plainAnswer is that of a client that takes no compression.
func plainAnswer(handler http.Handler, path string) []byte {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Body.Bytes()
}

// shape is a text without the values of its samples, of which another scrape has others.
func shape(text []byte) []string {
	var lines []string
	for line := range bytes.Lines(text) {
		if sample, _, ok := bytes.Cut(line, []byte(" ")); ok && line[0] != '#' {
			line = sample
		}
		lines = append(lines, string(line))
	}
	return lines
}
