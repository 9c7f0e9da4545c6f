package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// answer is what a client gets besides the text.
type answer struct {
	status int
	header http.Header
}

// request asks for a path with some headers.
func request(handler http.Handler, method, path string, headers map[string]string) answer {
	recorder, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	handler.ServeHTTP(recorder, r)
	return answer{recorder.Code, recorder.Header()}
}

// TestLookingProbesNothing, whatever is looked at.
func TestLookingProbesNothing(t *testing.T) {
	c, played := in("orders", situations()["paused"], time.Now())
	other, alone := in("other", situations()["never"], time.Now())
	handler := handle(t, Config{Clusters: fakeClusters{c, other}, MetricsPath: "/metrics"})
	for _, path := range []string{"/", "/clusters/orders", "/clusters/other", "/api/v1/clusters", "/api/v1/clusters/orders", "/api/v1/clusters/other", "/assets/status.js"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := request(handler, method, path, nil); got.status != http.StatusOK {
				t.Errorf("%s %s answers %d", method, path, got.status)
			}
		}
	}
	if played.probes+alone.probes != 0 {
		t.Errorf("%d probes of the one, %d of the other", played.probes, alone.probes)
	}
}

// TestPagesAreSecure: they load nothing but their own assets, and nobody else shows them.
func TestPagesAreSecure(t *testing.T) {
	c, _ := in(`<script>alert(1)</script>`, situations()["paused"], time.Now())
	handler := handle(t, Config{Clusters: fakeClusters{c}, MetricsPath: "/metrics"})
	for _, path := range []string{"/", "/clusters/" + url.PathEscape(c.Name), "/assets/status.css"} {
		got := request(handler, http.MethodGet, path, nil)
		policy := got.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy is %q, without %q", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got.header)
		}
	}
	_, body := ask(handler, http.MethodGet, "/")
	if strings.Contains(body, "<script>") || strings.Contains(body, "style=") || strings.Contains(body, "onclick") {
		t.Errorf("the page has what its policy forbids:\n%s", body)
	}
}

// TestUnchangedPages are not sent again; changed ones are, and so is another selection.
func TestUnchangedPages(t *testing.T) {
	c, played := in("orders", situations()["healthy"], time.Now())
	other, _ := in("other", situations()["healthy"], time.Now())
	handler := handle(t, Config{Clusters: fakeClusters{c, other}, MetricsPath: "/metrics"})
	for _, path := range []string{"/", "/clusters/orders"} {
		tag := request(handler, http.MethodGet, path, nil).header.Get("ETag")
		again := func(path string) int {
			return request(handler, http.MethodGet, path, map[string]string{"If-None-Match": tag}).status
		}
		if got := again(path); tag == "" || got != http.StatusNotModified {
			t.Errorf("%s with its tag %q answers %d", path, tag, got)
		}
		if got := again(path + "?q=x"); got != http.StatusOK {
			t.Errorf("%s with another selection answers %d", path, got)
		}
		played.shows(seen(time.Now(), 2000, played.names))
		if got := again(path); got != http.StatusOK {
			t.Errorf("%s answers %d though another beat is known", path, got)
		}
	}
}

// TestProbeNow is for who looks at the page, and for nobody else.
func TestProbeNow(t *testing.T) {
	for name, test := range map[string]struct {
		method, path string
		headers      map[string]string
		readOnly     bool
		status       int
		location     string
	}{
		"the button":              {http.MethodPost, "/clusters/a%2Fb/probe", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://example.com"}, false, 303, "../a%2Fb"},
		"no browser":              {http.MethodPost, "/clusters/a%2Fb/probe", nil, false, 303, "../a%2Fb"},
		"another site":            {http.MethodPost, "/clusters/a%2Fb/probe", map[string]string{"Sec-Fetch-Site": "cross-site"}, false, 403, ""},
		"another origin":          {http.MethodPost, "/clusters/a%2Fb/probe", map[string]string{"Origin": "https://evil.example"}, false, 403, ""},
		"it is off":               {http.MethodPost, "/clusters/a%2Fb/probe", nil, true, 403, ""},
		"no such cluster":         {http.MethodPost, "/clusters/none/probe", nil, false, 404, ""},
		"a link to it":            {http.MethodGet, "/clusters/a%2Fb/probe", nil, false, 405, ""},
		"a page that is read now": {http.MethodPost, "/clusters/a%2Fb", nil, false, 405, ""},
	} {
		c, played := in("a/b", situations()["never"], time.Now())
		handler := handle(t, Config{Clusters: fakeClusters{c}, MetricsPath: "/metrics", ReadOnly: test.readOnly})
		got := request(handler, test.method, test.path, test.headers)
		if got.status != test.status || got.header.Get("Location") != test.location || (played.probes > 0) != (test.status == 303) {
			t.Errorf("%s: %d, to %q, and %d probes", name, got.status, got.header.Get("Location"), played.probes)
		}
		_, body := ask(handler, http.MethodGet, "/")
		if strings.Contains(body, "Probe now") == test.readOnly {
			t.Errorf("%s: the button is on the page, or is not", name)
		}
		if (test.status == 303) != strings.Contains(body, "by hand") {
			t.Errorf("%s: the page does not say who asked, or who did not", name)
		}
	}
}

// TestClustersAsJSON: the same as check prints; the only one has its last beats too.
func TestClustersAsJSON(t *testing.T) {
	a, _ := in("a", situations()["paused"], time.Now())
	b, _ := in("b", situations()["never"], time.Now())
	handler := handle(t, Config{Clusters: fakeClusters{a, b}, MetricsPath: "/metrics"})
	type document struct {
		Cluster, Verdict, Summary string
		Nodes                     []struct {
			Node    string
			Replica *struct{ Beats []any }
		}
	}
	var all struct{ Clusters []document }
	_, body := ask(handler, http.MethodGet, "/api/v1/clusters")
	must(t, json.Unmarshal([]byte(body), &all))
	if len(all.Clusters) != 2 || all.Clusters[0].Summary != "Replica b is 16 s behind: paused" || all.Clusters[1].Verdict != "unknown" ||
		len(all.Clusters[0].Nodes[1].Replica.Beats) != 0 {
		t.Errorf("%+v", all)
	}
	var one document
	_, body = ask(handler, http.MethodGet, "/api/v1/clusters/a")
	must(t, json.Unmarshal([]byte(body), &one))
	if one.Verdict != "lagging" || len(one.Nodes) != 3 || len(one.Nodes[1].Replica.Beats) != 100 {
		t.Errorf("%s", body)
	}
	if got := request(handler, http.MethodGet, "/api/v1/clusters", nil); got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", got.header)
	}
}
