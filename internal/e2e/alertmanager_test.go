//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// alerting is an Alertmanager with the configuration of the repository, whose receivers have been told
// where to send, and wait less.
type alerting struct {
	t       *testing.T
	address string
	client  *http.Client

	mu       sync.Mutex
	received []notification
}

// notification is what a receiver gets.
type notification struct {
	Receiver string
	GroupKey string
	Alerts   []struct {
		Status string
		Labels map[string]string
	}
}

// firing returns the names of the alerts in it that fire, once each.
func (n notification) firing() []string {
	var names []string
	for _, alert := range n.Alerts {
		if alert.Status == "firing" {
			names = append(names, alert.Labels["alertname"])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// handled is what Alertmanager makes of an alert.
type handled struct {
	Labels    map[string]string
	Receivers []struct{ Name string }
	Status    struct {
		State       string
		InhibitedBy []string
	}
}

// sooner are the waits of alertmanager.yml that a test does not have the time for.
var sooner = strings.NewReplacer("group_wait: 15s", "group_wait: 1s", "group_wait: 1m", "group_wait: 1s",
	"group_interval: 1m", "group_interval: 1s", "group_interval: 10m", "group_interval: 1s")

// startAlertmanager starts one. The words of its configuration that an edit exchanges have to be there.
func startAlertmanager(t *testing.T) *alerting {
	t.Helper()
	a := &alerting{t: t, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	receivers := httptest.NewServer(http.HandlerFunc(a.receive))
	t.Cleanup(receivers.Close)
	config, err := os.ReadFile(root + "/prometheus/alertmanager.yml")
	must(t, err)
	text := sooner.Replace(string(config))
	for _, receiver := range []string{"nobody", "page", "ticket"} {
		name := "  - name: " + receiver + "\n"
		if strings.Count(text, name) != 1 || text == string(config) {
			t.Fatalf("alertmanager.yml has no receiver %s, or other waits than this test knows", receiver)
		}
		text = strings.Replace(text, name, name+"    webhook_configs: [{url: "+receivers.URL+"}]\n", 1)
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "alertmanager.yml"), []byte(text), 0o600))
	a.address = run(t, nil, alertmanager, "--config.file="+filepath.Join(dir, "alertmanager.yml"),
		"--storage.path="+dir, "--cluster.listen-address=", "--web.listen-address=127.0.0.1:0").says(listening)[1]
	return a
}

// receive takes a notification.
func (a *alerting) receive(w http.ResponseWriter, r *http.Request) {
	var n notification
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.received = append(a.received, n)
}

// notifications returns those that a receiver has got so far.
func (a *alerting) notifications(receiver string) []notification {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.received), func(n notification) bool { return n.Receiver != receiver })
}

// last returns the names of the alerts that fire in the last notification that a receiver got.
func (a *alerting) last(receiver string) []string {
	got := a.notifications(receiver)
	if len(got) == 0 {
		return nil
	}
	return got[len(got)-1].firing()
}

// alerts returns what Alertmanager makes of the alerts that it has.
func (a *alerting) alerts() []handled {
	a.t.Helper()
	var all []handled
	must(a.t, json.Unmarshal(a.ask(http.MethodGet, nil), &all))
	return all
}

// tell has it take alerts with these labels, as Prometheus does.
func (a *alerting) tell(alerts []map[string]string) {
	a.t.Helper()
	type alert struct {
		Labels   map[string]string `json:"labels"`
		StartsAt time.Time         `json:"startsAt"`
		EndsAt   time.Time         `json:"endsAt"`
	}
	told := make([]alert, len(alerts))
	for i, labels := range alerts {
		told[i] = alert{labels, time.Now(), time.Now().Add(time.Hour)}
	}
	body, err := json.Marshal(told)
	must(a.t, err)
	a.ask(http.MethodPost, body)
}

func (a *alerting) ask(method string, body []byte) []byte {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+a.address+"/api/v2/alerts", bytes.NewReader(body))
	must(a.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	must(a.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(a.t, err)
	if response.StatusCode != http.StatusOK {
		a.t.Fatalf("%s of alerts: %s: %s", method, response.Status, text)
	}
	return text
}
