package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

// TestRulesAndDashboards: what the operator and Grafana get is what is in the repository, from a packaged chart and from kustomize alike.
func TestRulesAndDashboards(t *testing.T) {
	for name, made := range map[string]objects{
		"helm":      rendered(t, examples(t)["cloudnativepg"]),
		"kustomize": kustomized(t, "../kubernetes/example"),
	} {
		t.Run(name, func(t *testing.T) {
			rules, dashboards := named[*monitoringv1.PrometheusRule](made), named[*corev1.ConfigMap](made)
			for _, path := range glob(t, "../../prometheus/rules/*.yml") {
				var want monitoringv1.PrometheusRuleSpec
				if err := strictly(content(t, path), &want); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				object := release + "-" + strings.TrimSuffix(filepath.Base(path), ".yml")
				if rules[object] == nil {
					t.Errorf("there is no PrometheusRule %s", object)
				} else if diff := cmp.Diff(want, rules[object].Spec); diff != "" {
					t.Errorf("%s (-%s +rendered):\n%s", object, path, diff)
				}
				delete(rules, object)
			}
			if len(rules) > 0 {
				t.Errorf("there are other rules, too: %v", rules)
			}
			for _, path := range glob(t, "../../dashboards/*.json") {
				object := release + "-" + strings.TrimSuffix(filepath.Base(path), ".json")
				dashboard := dashboards[object]
				if dashboard == nil || dashboard.Data[filepath.Base(path)] != string(content(t, path)) || len(dashboard.Data) != 1 {
					t.Errorf("the ConfigMap %s does not hold %s as it is", object, path)
				} else if dashboard.Labels["grafana_dashboard"] != "1" {
					t.Errorf("the sidecar does not find %s by its labels %v", object, dashboard.Labels)
				}
			}
		})
	}
}

// job returns the job that relabeling gives, which the rules go by. Operators before 0.76 know no other way.
func job(t *testing.T, configs []monitoringv1.RelabelConfig) string {
	t.Helper()
	for _, c := range configs {
		if c.Action == "replace" && c.TargetLabel == "job" && len(c.SourceLabels) == 0 {
			return *c.Replacement
		}
	}
	t.Fatalf("no job in %v", configs)
	return ""
}

func TestScrapeConfigs(t *testing.T) {
	for name, made := range map[string]objects{
		"helm":      rendered(t, examples(t)["cloudnativepg"]),
		"kustomize": kustomized(t, "../kubernetes/example"),
	} {
		t.Run(name, func(t *testing.T) {
			found := named[*monitoringv1alpha1.ScrapeConfig](made)
			service := named[*corev1.Service](made)[release]
			address := service.Name + "." + service.Namespace + ".svc:10187"
			probes, own := found[release], found[release+"-own"]
			if got := string(probes.Spec.HTTPSDConfigs[0].URL); got != "http://"+address+"/targets" {
				t.Errorf("Prometheus asks %s for the clusters", got)
			}
			if got := string(own.Spec.StaticConfigs[0].Targets[0]); got != address {
				t.Errorf("Prometheus asks %s for the exporter's own metrics", got)
			}
			if got := job(t, probes.Spec.RelabelConfigs); got != "pg_canary" {
				t.Errorf("the clusters' job is %s", got)
			}
			if got := job(t, own.Spec.RelabelConfigs); got != "pg_canary_exporter" {
				t.Errorf("the exporter's own job is %s", got)
			}
		})
	}
}

// TestServiceMonitor: each cluster is a target as /targets makes it, whatever its labels are.
func TestServiceMonitor(t *testing.T) {
	values := examples(t)["servicemonitor"]
	values = merged(values, parse(t, `config: {clusters: [{name: "a:b", labels: {price: "$1 or ${x}", "on": "off"}, nodes: [{name: a, dsn: host=a}]}]}`))
	monitor := only[*monitoringv1.ServiceMonitor](t, rendered(t, values))
	if len(monitor.Spec.Endpoints) != 2 {
		t.Fatalf("endpoints: %v", monitor.Spec.Endpoints)
	}
	want := map[string]string{"price": "$$1 or $${x}", "on": "off", "cluster": "a:b", "instance": "a:b", "job": "pg_canary"}
	got := map[string]string{}
	for _, relabeling := range monitor.Spec.Endpoints[1].RelabelConfigs {
		if relabeling.Action == "replace" {
			got[relabeling.TargetLabel] = *relabeling.Replacement
		} else if relabeling.Action != "labeldrop" || relabeling.Regex != "pod|container|endpoint" {
			t.Errorf("unexpected %v", relabeling)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if endpoint := monitor.Spec.Endpoints[1]; endpoint.Path != "/probe" || endpoint.Params["target"][0] != "a:b" {
		t.Errorf("scraped is %s with %v", endpoint.Path, endpoint.Params)
	}
	if own := monitor.Spec.Endpoints[0]; own.Path != "/metrics" || *own.RelabelConfigs[0].Replacement != release || *own.RelabelConfigs[1].Replacement != "pg_canary_exporter" {
		t.Errorf("the exporter's own metrics: %v", own)
	}
}

// TestPrometheusIsAdmitted: TLS and passwords reach discovery and scrapes alike.
func TestPrometheusIsAdmitted(t *testing.T) {
	for name, config := range named[*monitoringv1alpha1.ScrapeConfig](rendered(t, examples(t)["external"])) {
		if *config.Spec.Scheme != "HTTPS" || config.Spec.TLSConfig == nil || config.Spec.BasicAuth == nil {
			t.Errorf("%s is scraped without TLS or password: %+v", name, config.Spec)
		}
		if err := config.Spec.TLSConfig.Validate(); err != nil {
			t.Error(err)
		}
		for _, discovery := range config.Spec.HTTPSDConfigs {
			if !strings.HasPrefix(string(discovery.URL), "https://") || discovery.TLSConfig == nil || discovery.BasicAuth == nil {
				t.Errorf("%s is discovered without TLS or password: %+v", name, discovery)
			}
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(found), err)
	}
	return found
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
