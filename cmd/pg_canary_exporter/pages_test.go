package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask returns status and text of a page.
func (e *exporter) ask(method, path string) (status int, text string) {
	e.t.Helper()
	request, err := http.NewRequest(method, e.url+path, nil)
	must(e.t, err)
	response, err := http.DefaultClient.Do(request)
	must(e.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(e.t, err)
	return response.StatusCode, string(body)
}

// TestStatusPages: the page says what is wrong and gives no password away, and its button is there unless it is not to be.
func TestStatusPages(t *testing.T) {
	dsns := []string{"--primary.dsn=postgres://canary:" + marked + "@127.0.0.1:1/app", "--replica.dsn=postgres://canary:" + marked + "@127.0.0.1:2/app"}
	e := start(t, dsns...)
	if status, text := e.ask(http.MethodPost, "/clusters/default/probe"); status != http.StatusOK || !strings.Contains(text, "<p>No primary</p>") {
		t.Errorf("the button leads to %d:\n%s", status, text)
	}
	for _, path := range []string{"/", "/clusters/default", "/api/v1/clusters", "/api/v1/clusters/default", "/api/v1/events"} {
		status, text := e.ask(http.MethodGet, path)
		if status != http.StatusOK || !strings.Contains(text, "127.0.0.1:2") || strings.Contains(text, marked) {
			t.Errorf("%s answers %d:\n%s", path, status, text)
		}
	}
	e.stop()
	e = start(t, append(dsns, "--web.read-only")...)
	if status, _ := e.ask(http.MethodPost, "/clusters/default/probe"); status != http.StatusForbidden {
		t.Errorf("with --web.read-only it answers %d", status)
	}
	if _, text := e.ask(http.MethodGet, "/"); strings.Contains(text, "<button") || !strings.Contains(text, "Not probed yet") {
		t.Errorf("with --web.read-only the page has\n%s", text)
	}
	e.stop()
}
