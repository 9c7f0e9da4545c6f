package deploy_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
)

// merged returns values with others on top, as a second -f has it.
func merged(values, others map[string]any) map[string]any {
	return util.CoalesceTables(others, values)
}

// watched is a configuration that nothing is wrong with.
const watched = "config: {clusters: [{name: app, nodes: [{name: a, dsn: host=a}]}]}\n"

func TestRefusals(t *testing.T) {
	chart := packaged(t)
	if _, err := render(chart, release, parse(t, watched)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ values, says string }{
		"nothing to watch":          {"", "give config.clusters, or existingConfigMap.name"},
		"two configurations":        {watched + "existingConfigMap: {name: mine}", "give one"},
		"unknown key":               {watched + "replica: 2", "additional properties 'replica' not allowed"},
		"unknown key of the config": {"config: {clusters: [{name: app, nods: []}]}", "'nods' not allowed"},
		"config without clusters":   {"config: {defaults: {wait: 1s}}", "missing property 'clusters'"},
		"mistyped key deep down":    {watched + "monitoring: {scrapeconfig: {enabled: true}}", "'scrapeconfig' not allowed"},
		"number for a duration":     {watched + "monitoring: {interval: 15}", "want string"},
		"three replicas":            {watched + "replicas: 3", "maximum"},
		"short digest":              {watched + "image: {digest: sha256:abc}", "does not match pattern"},
		"secret without keys":       {watched + "files: [{secret: a}]", "missing property 'keys'"},
		"neither secret nor map":    {watched + "files: [{keys: [a]}]", "oneOf"},
		"service for all pods":      {watched + "databaseServices: [{name: a, selector: {}, ports: [{name: a, port: 1}]}]", "minProperties"},
		"setup without a password":  {watched + "setup: [{name: a, dsn: host=a}]", "missing property 'rolePassword'"},
		"name of a job":             {watched + "setup: [{name: A_b, dsn: host=a, rolePassword: {secret: a, key: b}}]", "does not match pattern"},
		"long name of a job": {
			watched + "setup: [{name: " + strings.Repeat("a", 60) + ", dsn: host=a, rolePassword: {secret: a, key: b}}]",
			"longer than the 63 characters",
		},
		"scraped twice":   {watched + "monitoring: {scrapeConfig: {enabled: true}, serviceMonitor: {enabled: true}}", "scraped twice"},
		"each pod":        {watched + "replicas: 2\nmonitoring: {serviceMonitor: {enabled: true}}", "scrapes every pod"},
		"unknown names":   {"existingConfigMap: {name: mine}\nmonitoring: {serviceMonitor: {enabled: true}}", "needs the clusters' names"},
		"argument":        {watched + "extraArgs: [log.level=debug]", "does not match pattern"},
		"policy of ports": {watched + "networkPolicy: {ports: []}", "minItems"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(chart, release, parse(t, c.values))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("want an error with %q, got %v", c.says, err)
			}
		})
	}
}

// TestNoPasswordInTheOpen: ConfigMaps and arguments are for all to read, and so is an error.
func TestNoPasswordInTheOpen(t *testing.T) {
	chart := packaged(t)
	const secret = "hunter22"
	for _, dsn := range []string{
		"host=a password=" + secret, "password = '" + secret + "'", "host=a sslpassword=" + secret, "PASSWORD=" + secret,
		"postgres://u:" + secret + "@a/b", "postgresql://:" + secret + "@a", "postgres://a/b?password=" + secret, "postgres://a/b?x=y&sslpassword=" + secret,
		" postgres://u:" + secret + "@a",
	} {
		for place, values := range map[string]string{
			"defaults": `config: {defaults: {dsn: "DSN"}, clusters: [{name: app, nodes: [{name: a, dsn: host=a}]}]}`,
			"cluster":  `config: {clusters: [{name: app, dsn: "DSN", nodes: [{name: a, dsn: host=a}]}]}`,
			"node":     `config: {clusters: [{name: app, nodes: [{name: a, dsn: host=a}, {name: b, dsn: "DSN"}]}]}`,
			"setup":    watched + `setup: [{name: a, dsn: "DSN", rolePassword: {secret: a, key: b}}]`,
		} {
			_, err := render(chart, release, parse(t, strings.ReplaceAll(values, "DSN", dsn)))
			if err == nil || !strings.Contains(err.Error(), "holds a password") || strings.Contains(err.Error(), secret) {
				t.Errorf("%s with %q: %v", place, dsn, err)
			}
		}
	}
	for _, dsn := range []string{"host=a passfile=/x", "postgres://u@a:5432/b", "postgres://u@[::1]:5432/b?sslmode=require", "host=a user=password dbname=b", "postgres://a:5432/b"} {
		if _, err := render(chart, release, parse(t, strings.ReplaceAll(watched, "host=a", `"`+dsn+`"`))); err != nil {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}

func TestLint(t *testing.T) {
	all := examples(t)
	all["no values"] = map[string]any{}
	for name, values := range all {
		for _, message := range lint.RunAll(chartDir, values, namespace).Messages {
			t.Errorf("%s: %s", name, message)
		}
	}
}

// TestOpenShift: what is set to null is not there, and the rest still is.
func TestOpenShift(t *testing.T) {
	values := parse(t, watched+"podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}")
	made := rendered(t, values)
	spec := only[*appsv1.Deployment](t, made).Spec.Template.Spec
	if c := spec.SecurityContext; c.RunAsUser != nil || c.RunAsGroup != nil || c.FSGroup != nil || !*c.RunAsNonRoot {
		t.Errorf("security context %+v", c)
	}
	checkPodSecurity(t, made)
}

// TestReleaseNames: a release of any name can be installed, beside another one.
func TestReleaseNames(t *testing.T) {
	values := merged(examples(t)["cloudnativepg"], parse(t, "databaseServices: []"))
	if _, err := render(packaged(t), "1e3", values); err == nil || !strings.Contains(err.Error(), "give another one as fullnameOverride") {
		t.Errorf("a name that no Service can have: %v", err)
	}
	for name, override := range map[string]string{"a": "", "1e3": "e3", "on": "", strings.Repeat("long-", 10) + "one": ""} {
		files, err := render(packaged(t), name, merged(values, map[string]any{"fullnameOverride": override}))
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range files {
			if strings.HasSuffix(path, ".txt") {
				continue
			}
			made, err := decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			checkMeta(t, made)
			for key := range made {
				if strings.HasSuffix(key, "/"+release) {
					t.Errorf("release %s has %s, as one of another name has", name, key)
				}
			}
		}
	}
}

func TestImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for values, want := range map[string]string{
		"":                                  "ghcr.io/pg-canary/pg_canary_exporter:v" + packaged(t).Metadata.AppVersion,
		"image: {tag: main}":                "ghcr.io/pg-canary/pg_canary_exporter:main",
		"image: {digest: '" + digest + "'}": "ghcr.io/pg-canary/pg_canary_exporter@" + digest,
		"image: {repository: registry.x/y}": "registry.x/y:v" + packaged(t).Metadata.AppVersion,
	} {
		made := rendered(t, parse(t, watched+values))
		if got := only[*appsv1.Deployment](t, made).Spec.Template.Spec.Containers[0].Image; got != want {
			t.Errorf("%s: image %s, want %s", values, got, want)
		}
	}
}

// TestExistingConfigMap: the file is called the same whatever its key is.
func TestExistingConfigMap(t *testing.T) {
	made := rendered(t, parse(t, "existingConfigMap: {name: mine, key: other.yaml}"))
	if found := named[*corev1.ConfigMap](made); len(found) > 0 {
		t.Errorf("unexpected %v", found)
	}
	source := only[*appsv1.Deployment](t, made).Spec.Template.Spec.Volumes[0].ConfigMap
	if source.Name != "mine" || source.Items[0].Key != "other.yaml" || source.Items[0].Path != "clusters.yml" {
		t.Errorf("the configuration comes from %+v", source)
	}
}
