package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

func TestRunningConfig(t *testing.T) {
	for name, test := range map[string]struct {
		status       int
		answer, says string // says is what the error says; "" for none
	}{
		"an exporter": {http.StatusOK, `{"clusters":[{"name":"a","settings":"1","labels":"2","nodes":[{"name":"b","digest":"3"}]}]}`, ""},
		"an older":    {http.StatusNotFound, "404 page not found", "answers 404 Not Found: is an exporter of this version there?"},
		"a guarded":   {http.StatusUnauthorized, "", "answers 401 Unauthorized"},
		"another":     {http.StatusOK, "<html>", "is no digest of a configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); r.URL.Path != "/prefix"+ConfigPath || user != "me" || password != "pa55-MARKED" {
					t.Errorf("it is asked for %s as %s", r.URL, user)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			}))
			defer server.Close()
			got, err := RunningConfig(t.Context(), strings.Replace(server.URL, "://", "://me:pa55-MARKED@", 1)+"/prefix/")
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "MARKED") {
					t.Errorf("%v, want %q", err, test.says)
				}
				return
			}
			must(t, err)
			want := config.Digest{Clusters: []config.ClusterDigest{{Name: "a", Settings: "1", Labels: "2", Nodes: []config.NodeDigest{{Name: "b", Digest: "3"}}}}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunningConfigOfNoURL(t *testing.T) {
	for _, base := range []string{"", "exporter:10187", "ftp://exporter", "http://", "http://me:pa55-MARKED d@exporter", "http://me:pa55-MARKED@127.0.0.1:1"} {
		if _, err := RunningConfig(t.Context(), base); err == nil || strings.Contains(err.Error(), "MARKED") {
			t.Errorf("%q: %v", base, err)
		}
	}
}
