package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// memberServer is a member's REST interface.
type memberServer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc] // nil: what it was made with
}

// newMember starts one; start is that of a server with or without TLS.
func newMember(t *testing.T, start func(http.Handler) *httptest.Server, answer http.HandlerFunc) *memberServer {
	t.Helper()
	m := &memberServer{}
	m.answer.Store(&answer)
	m.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.asked.Add(1)
		if r.Method != http.MethodGet || r.URL.Path != "/cluster" {
			t.Errorf("it is asked to %s %s", r.Method, r.URL)
		}
		(*m.answer.Load())(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

// says answers with the cluster of these members, name@URL, whose hosts have their names.
func says(members ...string) http.HandlerFunc {
	type member struct {
		Name string `json:"name"`
		Host string `json:"host"`
		URL  string `json:"api_url"`
	}
	var document struct {
		Members []member `json:"members"`
	}
	for _, each := range members {
		name, address, _ := strings.Cut(each, "@")
		document.Members = append(document.Members, member{name, name, address + "/patroni"})
	}
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) }
}

func newPatroni(t *testing.T, options PatroniOptions) *Patroni {
	t.Helper()
	p, err := NewPatroni(options)
	must(t, err)
	return p
}

// namesOf returns the nodes' names, or the error.
func namesOf(found Found, err error) string {
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, node := range found.Nodes {
		names = append(names, node.Name)
	}
	return strings.Join(names, " ")
}

func find(t *testing.T, source Source) string {
	t.Helper()
	found, again, err := source.Find(t.Context())
	if err == nil && again < time.Second {
		t.Errorf("it is to be asked again after %v", again)
	}
	return namesOf(found, err)
}

// TestPatroniInTurn: the first member that answers is asked, and asked first from then on.
func TestPatroniInTurn(t *testing.T) {
	t.Parallel()
	var members [3]*memberServer
	for i := range members {
		members[i] = newMember(t, httptest.NewServer, says("a", "b"))
	}
	p := newPatroni(t, PatroniOptions{URLs: []string{members[0].URL, members[1].URL + "/", members[2].URL + "/patroni"}})
	asked := func(want string) {
		t.Helper()
		if got := find(t, p); got != "a b" {
			t.Errorf("found %s", got)
		}
		if got := fmt.Sprint(members[0].asked.Load(), members[1].asked.Load(), members[2].asked.Load()); got != want {
			t.Errorf("the members were asked %s times, want %s", got, want)
		}
	}
	asked("1 0 0")
	members[0].Close()
	members[1].answer.Store(new(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
	})))
	asked("1 1 1")
	asked("1 1 2")
}

// TestPatroniOutlivesTheList: when all given members are gone, one that was found tells.
func TestPatroniOutlivesTheList(t *testing.T) {
	t.Parallel()
	given := newMember(t, httptest.NewServer, nil)
	second, third := newMember(t, httptest.NewServer, nil), newMember(t, httptest.NewServer, nil)
	p := newPatroni(t, PatroniOptions{URLs: []string{given.URL}})
	all := []string{"a@" + given.URL, "b@" + second.URL, "c@" + third.URL}
	given.answer.Store(new(says(all...)))
	second.answer.Store(new(says(all[1:]...)))
	third.answer.Store(new(says(all[1:]...)))
	for range 2 {
		if got := find(t, p); got != "a b c" {
			t.Errorf("found %s", got)
		}
		given.Close()
	}
	// Its address is another cluster's now; the third has it right.
	second.answer.Store(new(says("x@"+second.URL, "y")))
	if got := find(t, p); got != "a b c" {
		t.Errorf("found %s", got)
	}
	third.Close()
	got := find(t, p)
	for _, want := range []string{"no member of Patroni tells of the cluster", "refused", `"b"`, "does not name it any more"} {
		if !strings.Contains(got, want) {
			t.Errorf("found %s, want an error with %q", got, want)
		}
	}
	// The memory is still there.
	third = newMember(t, httptest.NewServer, nil)
	second.answer.Store(new(says("b@"+second.URL, "c@"+third.URL)))
	if got := find(t, p); got != "a b c" {
		t.Errorf("found %s", got)
	}
}

// TestPatroniNoAnswer: what is no answer of a member.
func TestPatroniNoAnswer(t *testing.T) {
	t.Parallel()
	elsewhere := newMember(t, httptest.NewServer, says("a"))
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+"/cluster", http.StatusTemporaryRedirect)
			},
			"answered by 307",
		},
		"an error":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "answered by 503 Service Unavailable"},
		"without end":  {endless, "more than 1048576 bytes"},
		"broken off":   {brokenOff, "breaks off"},
		"no JSON":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "no cluster in JSON"},
		"nobody":       {says(), "names no member"},
		"hangs up":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"large header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<17)) }, "header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := newMember(t, httptest.NewServer, test.answer)
			got := find(t, newPatroni(t, PatroniOptions{URLs: []string{member.URL}}))
			if !strings.Contains(got, test.want) || !strings.Contains(got, member.URL) {
				t.Errorf("found %s, want an error with %q and the address", got, test.want)
			}
		})
	}
	if elsewhere.asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// endless answers as long as somebody reads.
func endless(w http.ResponseWriter, _ *http.Request) {
	for range 100 {
		if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
			return
		}
	}
}

// brokenOff promises more than it writes.
func brokenOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte("{"))
}

// TestPatroniThatHangs is given up when its time is over, or the caller's.
func TestPatroniThatHangs(t *testing.T) {
	t.Parallel()
	release, reached := make(chan struct{}), make(chan struct{}, 2)
	hangs := newMember(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
		<-release
	})
	defer close(release)
	good := newMember(t, httptest.NewServer, says("a"))
	p := newPatroni(t, PatroniOptions{URLs: []string{hangs.URL, good.URL}})
	if got := find(t, p); got != "a" {
		t.Errorf("found %s", got)
	}
	only := newPatroni(t, PatroniOptions{URLs: []string{hangs.URL}})
	ctx, cancel := context.WithCancel(t.Context())
	<-reached
	go func() {
		<-reached
		cancel()
	}()
	if _, _, err := only.Find(ctx); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("it ended with %v", err)
	}
}

// TestPatroniURLs: how a member may be given, and what is refused without being quoted.
func TestPatroniURLs(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"http://pg1:8008":           "http://pg1:8008/cluster",
		"HTTPS://PG1:8008/":         "https://pg1:8008/cluster",
		"http://pg1:8008/patroni":   "http://pg1:8008/cluster",
		"http://pg1:8008/cluster/":  "http://pg1:8008/cluster",
		"http://[fd00::1]:8008":     "http://[fd00::1]:8008/cluster",
		"https://proxy/pg1":         "https://proxy/pg1/cluster",
		"https://proxy/pg1/patroni": "https://proxy/pg1/cluster",
	} {
		if got, err := clusterURL(given); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", given, got, err, want)
		}
	}
	for given, want := range map[string]string{
		"":                                "is not of the form",
		"pg1:8008":                        "is not of the form",
		"pg1":                             "is not of the form",
		"http://":                         "is not of the form",
		"http://:8008":                    "is not of the form",
		"http://u:secret@pg1:port":        "is not of the form",
		"http://u:secret@pg1:8008":        "has a user or a password",
		"postgres://u:secret@pg1/x":       "begins with neither",
		"http://pg1:8008/?token=secret":   "has a ? or a #",
		"http://pg1:8008/#secret":         "has a ? or a #",
		"host=pg1 password=secret":        "is not of the form",
		"http://pg1:8008\nGET /x secret/": "is not of the form",
	} {
		_, err := NewPatroni(PatroniOptions{URLs: []string{"http://good:8008", given}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "URL 2") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q and no secret", given, err, want)
		}
	}
}

func TestPatroniOptions(t *testing.T) {
	t.Parallel()
	for _, options := range []PatroniOptions{
		{},
		{URLs: []string{"https://pg1"}, CertFile: "a"},
		{URLs: []string{"https://pg1"}, KeyFile: "a"},
	} {
		if _, err := NewPatroni(options); err == nil {
			t.Errorf("%+v is taken", options)
		}
	}
}

// TestPatroniIsAskedSooner while a member does not run.
func TestPatroniIsAskedSooner(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]time.Duration{"running": patroniInterval, "streaming": patroniInterval, "stopped": patroniSoon, "creating replica": patroniSoon} {
		member := newMember(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"members": [{"name": "a", "host": "a", "state": %q}]}`, state)
		})
		if _, again, err := newPatroni(t, PatroniOptions{URLs: []string{member.URL}}).Find(t.Context()); err != nil || again != want {
			t.Errorf("while a member is %s, Patroni is asked again after %v: %v", state, again, err)
		}
	}
}
