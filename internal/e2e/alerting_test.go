//go:build unix

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// ruled is an alert of the rules: its name and its severity.
type ruled struct{ name, severity string }

// alertsOfTheRules lists the alerts that there are.
func alertsOfTheRules(t *testing.T) []ruled {
	t.Helper()
	files, err := filepath.Glob(root + "/prometheus/rules/*.yml")
	must(t, err)
	var all []ruled
	for _, path := range files {
		text, err := os.ReadFile(path)
		must(t, err)
		var file struct {
			Groups []struct {
				Rules []struct {
					Alert  string
					Labels map[string]string
				}
			}
		}
		must(t, yaml.Unmarshal(text, &file))
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Alert != "" {
					all = append(all, ruled{rule.Alert, rule.Labels["severity"]})
				}
			}
		}
	}
	return all
}

// explains is true where the first alert of a cluster keeps the second from being sent.
func explains(cause, effect ruled) bool {
	nobodyWrites := []string{"PgCanaryNoPrimary", "PgCanaryPrimaryWriteFailing", "PgCanaryCommitsWait"}
	switch {
	case cause.name == effect.name:
		return cause.severity == "critical" && effect.severity == "warning"
	case effect.name == "PgCanaryReplicaUnreachable":
		return cause.name == "PgCanaryNoPrimary"
	case effect.name == "PgCanaryFreshnessBudgetBurn":
		return slices.Contains(nobodyWrites, cause.name)
	default:
		return false
	}
}

// TestRoutesAndInhibition tells a real Alertmanager of every pair of alerts, each in a cluster of its own,
// and looks at who gets which, and which are not sent.
func TestRoutesAndInhibition(t *testing.T) {
	t.Parallel()
	a := startAlertmanager(t)
	all := alertsOfTheRules(t)
	var told []map[string]string
	want := map[string]string{} // by what an alert is called below
	called := func(cluster, name, severity string) string { return cluster + ": " + name + " " + severity }
	for i, first := range all {
		for j, second := range all {
			if i == j {
				continue
			}
			cluster := fmt.Sprintf("%d-%d", i, j)
			for _, alert := range []ruled{first, second} {
				labels := map[string]string{"alertname": alert.name, "severity": alert.severity, "cluster": cluster, "job": "pg_canary", "instance": cluster}
				if strings.HasPrefix(alert.name, "PgCanaryReplica") || alert.name == "PgCanaryFreshnessBudgetBurn" {
					labels["replica"] = "b"
				}
				told = append(told, labels)
				want[called(cluster, alert.name, alert.severity)] = map[bool]string{true: "page", false: "ticket"}[alert.severity == "critical"]
			}
			if explains(first, second) {
				want[called(cluster, second.name, second.severity)] += ", not sent"
			}
			if explains(second, first) {
				want[called(cluster, first.name, first.severity)] += ", not sent"
			}
		}
	}
	a.tell(told)
	s := &stack{T: t}
	s.eventually("every alert is handled as it should be", func() string {
		got := map[string]string{}
		for _, alert := range a.alerts() {
			var receivers []string
			for _, receiver := range alert.Receivers {
				receivers = append(receivers, receiver.Name)
			}
			if len(alert.Status.InhibitedBy) > 0 {
				receivers = append(receivers, "not sent")
			}
			got[called(alert.Labels["cluster"], alert.Labels["alertname"], alert.Labels["severity"])] = strings.Join(receivers, ", ")
		}
		return cmp.Diff(want, got)
	})
}

// TestInhibitionKeepsToItsReplica: what is inhibited by labels that both have needs all of them to be equal.
func TestInhibitionKeepsToItsReplica(t *testing.T) {
	t.Parallel()
	a := startAlertmanager(t)
	lagging := func(severity, cluster, replica string) map[string]string {
		return map[string]string{"alertname": "PgCanaryReplicaLagging", "severity": severity, "job": "pg_canary", "instance": cluster, "cluster": cluster, "replica": replica}
	}
	told := []map[string]string{
		lagging("critical", "orders", "b"), lagging("warning", "orders", "b"), lagging("warning", "orders", "c"), lagging("warning", "billing", "b"),
		{"alertname": "PgCanaryNoPrimary", "severity": "critical", "job": "pg_canary", "instance": "orders", "cluster": "orders"},
		{"alertname": "PgCanaryReplicaUnreachable", "severity": "critical", "job": "pg_canary", "instance": "billing", "cluster": "billing", "replica": "b"},
	}
	a.tell(told)
	s := &stack{T: t}
	s.eventually("one alert is not sent", func() string {
		var held []map[string]string
		for _, alert := range a.alerts() {
			if len(alert.Status.InhibitedBy) > 0 {
				held = append(held, alert.Labels)
			}
		}
		return cmp.Diff(told[1:2], held)
	})
}

// hurried copies the rules to a directory; what takes them minutes takes seconds there.
func hurried(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(filepath.Join(dir, "rules"), os.DirFS(root+"/prometheus/rules")))
	files, err := filepath.Glob(dir + "/rules/*.yml")
	must(t, err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		must(t, err)
		text = regexp.MustCompile(`(?m)^( *for: \d+)m$`).ReplaceAll(text, []byte("${1}s"))
		must(t, os.WriteFile(path, text, 0o600))
	}
	return dir
}

// TestAlertsGetToTheirReceivers has a real cluster lose a replica and then its primary, and looks at what is sent.
func TestAlertsGetToTheirReceivers(t *testing.T) {
	t.Parallel()
	a := startAlertmanager(t)
	s := &stack{T: t}
	s.servers, s.primary, s.replica = pgtest.NewPair(t, pgcluster.Options{})
	second, err := s.servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{})
	must(t, err)
	must(t, pgnode.Setup{Role: role, Password: password}.Run(t.Context(), s.primary.SuperDSN()))
	s.instance = run(t, []string{
		"PG_CANARY_PRIMARY_DSN=" + s.primary.DSN(role, password, "postgres"),
		"PG_CANARY_REPLICA_DSN=" + s.replica.DSN(role, password, "postgres") + "\n" + second.DSN(role, password, "postgres"),
		"PG_CANARY_REPLICA_NAME=first\nsecond",
		"GORACE=halt_on_error=1",
	}, exporter, "--web.listen-address=127.0.0.1:0").says(listening)[1]
	s.startPrometheusIn(hurried(t), "prometheus.yml", map[string]string{
		"exporter:10187": s.instance,
		"- dns_sd_configs:\n        - {names: [alertmanager], type: A, port: 9093}": "- static_configs: [{targets: [" + a.address + "]}]",
		"interval: 5s": "interval: 1s", "scrape_timeout: 4s": "scrape_timeout: 1s",
	})
	s.eventually("the cluster is at rest", func() string { return s.atRest() })
	sends := func(receiver string, alerts ...string) {
		t.Helper()
		s.eventually(fmt.Sprintf("%s is sent %q", receiver, alerts), func() string {
			if got := a.last(receiver); !slices.Equal(got, alerts) {
				return fmt.Sprintf("%q", got)
			}
			return ""
		})
	}
	must(t, second.Stop(t.Context(), pgcluster.Fast))
	sends("page", "PgCanaryReplicaUnreachable")
	must(t, s.primary.Stop(t.Context(), pgcluster.Fast))
	sends("page", "PgCanaryNoPrimary")
	must(t, s.primary.Start(t.Context()))
	sends("page", "PgCanaryReplicaUnreachable")
	must(t, s.replica.Exec(t.Context(), "SELECT pg_wal_replay_pause()"))
	sends("ticket", "PgCanaryReplicaPaused")
	must(t, second.Start(t.Context()))
	must(t, s.replica.Exec(t.Context(), "SELECT pg_wal_replay_resume()"))
	sends("page")
	sends("ticket")
	for _, receiver := range []string{"page", "ticket"} {
		for _, n := range a.notifications(receiver) {
			for _, alert := range n.Alerts {
				if severity := alert.Labels["severity"]; (severity == "critical") != (receiver == "page") {
					t.Errorf("%s got %v", receiver, alert.Labels)
				}
			}
		}
	}
	if got := a.notifications("nobody"); len(got) > 0 {
		t.Errorf("nobody got %v", got)
	}
}

// TestOneNotificationForAnExporter has an exporter of 1,000 clusters that does not answer.
func TestOneNotificationForAnExporter(t *testing.T) {
	t.Parallel()
	const clusters = 1000
	gone := freeAddress(t)
	type target struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var targets []target
	for i := range clusters {
		name := fmt.Sprintf("cluster-%d", i)
		targets = append(targets, target{[]string{gone}, map[string]string{
			"__metrics_path__": "/probe", "__param_target": name, "instance": name, "cluster": name,
		}})
	}
	discovery := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(targets)
	}))
	t.Cleanup(discovery.Close)
	a := startAlertmanager(t)
	s := &stack{T: t}
	s.startPrometheusIn(hurried(t), "fleet.yml", map[string]string{
		"http://exporter:10187/targets": discovery.URL, "[exporter:10187]": "[" + gone + "]", "alertmanager:9093": a.address,
		"evaluation_interval: 15s": "evaluation_interval: 1s", "scrape_interval: 15s": "scrape_interval: 5s", "scrape_timeout: 10s": "scrape_timeout: 5s",
	})
	s.eventually("all targets are told of in one notification", func() string {
		got := a.notifications("page")
		groups := map[string]bool{}
		most := 0
		for _, n := range got {
			groups[n.GroupKey] = true
			targets := 0
			for _, alert := range n.Alerts {
				if alert.Labels["instance"] != "" { // Before there was a target, that was an alert of no target.
					targets++
				}
			}
			most = max(most, targets)
			if names := n.firing(); !slices.Equal(names, []string{"PgCanaryExporterDown"}) {
				return fmt.Sprintf("there is one of %q", names)
			}
		}
		if len(groups) > 1 {
			t.Fatalf("there are notifications of %d groups", len(groups))
		}
		if most != clusters+1 { // and the exporter's own metrics
			return fmt.Sprintf("there are %d notifications, of %d targets at the most", len(got), most)
		}
		return ""
	})
}
