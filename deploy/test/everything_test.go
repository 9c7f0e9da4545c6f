package deploy_test

import (
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// everything sets what no example sets.
const everything = watched + `
setup:
  - name: other
    cluster: "other:cluster"
    dsn: "host=a user='the boss'"
    rolePassword: {secret: "2", key: "3"}
    role: the canary
    section: "second: #2"
image: {pullPolicy: Always}
imagePullSecrets: [{name: registry}]
nameOverride: name
fullnameOverride: whole
extraArgs: [--log.format=json, --log.level=debug]
extraEnv: [{name: SSL_CERT_DIR, value: /x}, {name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}]
webConfig: {secret: "1", key: other.yml}
serviceAccount: {create: false, name: "0", annotations: {a: b}}
service: {annotations: {a: b}}
podLabels: {team: checkout}
podAnnotations: {a: "1"}
nodeSelector: {disk: ssd}
tolerations: [{key: a, operator: Exists, effect: NoSchedule}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
priorityClassName: "1"
podDisruptionBudget: {enabled: false}
networkPolicy: {dnsPorts: [53, 5353]}
monitoring:
  namespace: monitoring
  labels: {release: stack}
  scheme: https
  tlsConfig: {insecureSkipVerify: true}
  basicAuth: {username: {name: a, key: b}, password: {name: a, key: c}}
  serviceMonitor: {enabled: true}
  rules: {enabled: true}
  dashboards: {enabled: true, labels: {mine: "1"}, annotations: {grafana_folder: PostgreSQL}}
enabled: true
global: {anything: 1}
`

// TestEverythingSet renders each part of the templates that an example leaves out.
func TestEverythingSet(t *testing.T) {
	made := rendered(t, parse(t, everything))
	checkPodSecurity(t, made)
	for key, o := range made {
		want := namespace
		if strings.HasPrefix(key, "PrometheusRule/") || strings.HasPrefix(key, "ServiceMonitor/") || o.GetLabels()["mine"] != "" {
			want = "monitoring"
		}
		if o.GetNamespace() != want || !strings.HasPrefix(o.GetName(), "whole") {
			t.Errorf("%s is in %s, want %s and a name that begins with whole", key, o.GetNamespace(), want)
		}
	}
	if accounts, budgets := named[*corev1.ServiceAccount](made), named[*policyv1.PodDisruptionBudget](made); len(accounts)+len(budgets) > 0 {
		t.Errorf("unexpected %v, %v", accounts, budgets)
	}
	if ports := named[*networkingv1.NetworkPolicy](made)["whole"].Spec.Egress[0].Ports; len(ports) != 4 || ports[3].Port.IntValue() != 5353 {
		t.Errorf("ports of DNS: %v", ports)
	}
	endpoint := only[*monitoringv1.ServiceMonitor](t, made).Spec.Endpoints[1]
	if *endpoint.Scheme != "https" || endpoint.TLSConfig == nil || endpoint.BasicAuth == nil {
		t.Errorf("scraped without TLS or password: %+v", endpoint)
	}
	for key, pod := range pods(made) {
		spec := pod.Spec
		if spec.ServiceAccountName != "0" || spec.NodeSelector["disk"] != "ssd" || len(spec.Tolerations) != 1 || len(spec.ImagePullSecrets) != 1 {
			t.Errorf("%s: %+v", key, spec)
		}
	}
	checkArguments(t, made)
}

func checkArguments(t *testing.T, made objects) {
	t.Helper()
	pod := only[*appsv1.Deployment](t, made).Spec.Template
	exporter := pod.Spec.Containers[0]
	if args := exporter.Args[2:]; !slices.Equal(args, []string{"--log.format=json", "--log.level=debug"}) {
		t.Errorf("more arguments: %q", args)
	}
	if len(exporter.Env) != 3 || exporter.Env[0].Value != "/etc/pg_canary_exporter/web/other.yml" {
		t.Errorf("variables: %+v", exporter.Env)
	}
	// The image has no shell, and calls the program so.
	entrypoint := `ENTRYPOINT ["` + exporter.LivenessProbe.Exec.Command[0] + `"]`
	if !strings.Contains(string(content(t, "../../Dockerfile")), entrypoint) {
		t.Errorf("the Dockerfile has no %s", entrypoint)
	}
	if pod.Labels["team"] != "checkout" || pod.Annotations["a"] != "1" || pod.Spec.Affinity == nil || pod.Spec.PriorityClassName != "1" {
		t.Errorf("the pod: %+v", pod)
	}
	want := []string{
		"setup", "--primary.dsn=host=a user='the boss'", "--cluster.name=other:cluster", "--canary.section=second: #2", "--role=the canary",
		"--role.password-file=/etc/pg_canary_exporter/role/password",
	}
	job := only[*batchv1.Job](t, made).Spec.Template.Spec
	if got := job.Containers[0].Args; !slices.Equal(got, want) {
		t.Errorf("setup has %q, want %q", got, want)
	}
	if len(job.Containers[0].Env) > 0 {
		t.Errorf("setup has variables: %v", job.Containers[0].Env)
	}
}
