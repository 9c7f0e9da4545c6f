package deploy_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// TestExamples holds whatever the chart makes of its examples, and the kustomization, to what Kubernetes and its users expect.
func TestExamples(t *testing.T) {
	all := map[string]objects{"kustomize": kustomized(t, "../kubernetes/example")}
	for name, values := range examples(t) {
		all[name] = rendered(t, values)
	}
	for name, made := range all {
		t.Run(name, func(t *testing.T) {
			checkMeta(t, made)
			checkPodSecurity(t, made)
			checkSelectors(t, made)
			checkFiles(t, made)
			checkSetup(t, made)
			checkExporterTakesIt(t, made)
		})
	}
}

// largest is what kubectl apply keeps of an object in its annotation, in bytes.
const largest = 256 << 10

func checkMeta(t *testing.T, made objects) {
	t.Helper()
	for key, o := range made {
		if problems := validation.IsDNS1123Label(o.GetName()); len(problems) > 0 {
			t.Errorf("%s: %q", key, problems)
		}
		if o.GetNamespace() != namespace {
			t.Errorf("%s is in the namespace %q, want %q", key, o.GetNamespace(), namespace)
		}
		for name, value := range o.GetLabels() {
			if problems := append(validation.IsQualifiedName(name), validation.IsValidLabelValue(value)...); len(problems) > 0 {
				t.Errorf("%s: label %s=%s: %q", key, name, value, problems)
			}
		}
		if text, err := json.Marshal(o); err != nil || len(text) > largest {
			t.Errorf("%s has %d bytes (%v), more than kubectl apply can take", key, len(text), err)
		}
	}
}

// pods returns the templates of all pods.
func pods(made objects) map[string]corev1.PodTemplateSpec {
	all := map[string]corev1.PodTemplateSpec{}
	for name, deployment := range named[*appsv1.Deployment](made) {
		all["Deployment/"+name] = deployment.Spec.Template
	}
	for name, job := range named[*batchv1.Job](made) {
		all["Job/"+name] = job.Spec.Template
	}
	return all
}

func checkPodSecurity(t *testing.T, made objects) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for key, pod := range pods(made) {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
		if !result.Allowed {
			t.Errorf("%s: the restricted pod security standard forbids: %s", key, result.ForbiddenDetail())
		}
		spec := pod.Spec
		if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken || spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
			t.Errorf("%s gets a token or variables of services", key)
		}
		for _, c := range spec.Containers {
			if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
				t.Errorf("%s may write to its root file system", key)
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || !c.Resources.Limits.Cpu().IsZero() {
				t.Errorf("%s: resources %v: want a limit of memory, a request of CPU and no limit of it", key, c.Resources)
			}
		}
	}
}

// checkSelectors: what is meant for the exporter finds its pods, and neither those of setup nor a database's.
func checkSelectors(t *testing.T, made objects) {
	t.Helper()
	deployment := only[*appsv1.Deployment](t, made)
	exporter := deployment.Spec.Template.Labels
	for what, selector := range map[string]*metav1.LabelSelector{
		"the Deployment":         deployment.Spec.Selector,
		"the budget":             only[*policyv1.PodDisruptionBudget](t, made).Spec.Selector,
		"the exporter's policy":  &named[*networkingv1.NetworkPolicy](made)[release].Spec.PodSelector,
		"the exporter's service": {MatchLabels: named[*corev1.Service](made)[release].Spec.Selector},
	} {
		if !matches(t, selector, exporter) {
			t.Errorf("%s selects %v, and not the exporter's pods with %v", what, selector, exporter)
		}
		for key, pod := range pods(made) {
			if strings.HasPrefix(key, "Job/") && matches(t, selector, pod.Labels) {
				t.Errorf("%s selects the pods of %s, too", what, key)
			}
		}
	}
	policies := named[*networkingv1.NetworkPolicy](made)
	for key, pod := range pods(made) {
		covered := slices.ContainsFunc(slices.Collect(maps.Values(policies)), func(p *networkingv1.NetworkPolicy) bool {
			return matches(t, &p.Spec.PodSelector, pod.Labels)
		})
		if !covered {
			t.Errorf("no NetworkPolicy is for the pods of %s", key)
		}
	}
	for name, service := range named[*corev1.Service](made) {
		if name == release {
			continue
		}
		if service.Spec.ClusterIP != corev1.ClusterIPNone || !service.Spec.PublishNotReadyAddresses {
			t.Errorf("the service %s for discovery is not headless, or hides pods that are not ready", name)
		}
		if matches(t, &metav1.LabelSelector{MatchLabels: service.Spec.Selector}, exporter) {
			t.Errorf("the service %s selects the exporter", name)
		}
	}
}

func matches(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !s.Empty() && s.Matches(labels.Set(set))
}

var file = regexp.MustCompile(`/etc/pg_canary_exporter/[^\s"',}]+`)

// checkFiles: what the configuration and the arguments name is mounted, no Secret is mounted as a whole, and nothing by a subPath, which
// would never change.
func checkFiles(t *testing.T, made objects) {
	t.Helper()
	for key, pod := range pods(made) {
		mounted := map[string]bool{}
		for _, c := range pod.Spec.Containers {
			for _, mount := range c.VolumeMounts {
				if mount.SubPath != "" || !mount.ReadOnly {
					t.Errorf("%s mounts %s by a subPath, or not for reading alone", key, mount.Name)
				}
				for _, path := range paths(t, pod.Spec, mount.Name) {
					mounted[mount.MountPath+"/"+path] = true
				}
			}
			text := strings.Join(c.Args, "\n")
			if strings.HasPrefix(key, "Deployment/") {
				text += "\n" + clusters(t, made)
			}
			for _, path := range file.FindAllString(text, -1) {
				if !mounted[path] {
					t.Errorf("%s: %s is named, and not mounted; mounted are %q", key, path, slices.Sorted(maps.Keys(mounted)))
				}
			}
		}
	}
}

// paths returns the files of a volume.
func paths(t *testing.T, spec corev1.PodSpec, volume string) []string {
	t.Helper()
	at := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })
	if at < 0 {
		t.Fatalf("there is no volume %s", volume)
	}
	var items []corev1.KeyToPath
	switch v := spec.Volumes[at]; {
	case v.ConfigMap != nil:
		items = v.ConfigMap.Items
	case v.Secret != nil:
		items = v.Secret.Items
		checkMode(t, volume, v.Secret.DefaultMode)
	case v.Projected != nil:
		checkMode(t, volume, v.Projected.DefaultMode)
		for _, source := range v.Projected.Sources {
			switch {
			case source.Secret != nil:
				items = append(items, source.Secret.Items...)
			case source.ConfigMap != nil:
				items = append(items, source.ConfigMap.Items...)
			}
		}
	}
	var all []string
	for _, item := range items {
		all = append(all, item.Path)
	}
	if len(all) == 0 && volume != "web" { // It is the exporter's alone.
		t.Errorf("the volume %s has all keys of what it is made of", volume)
	}
	return all
}

// checkMode: what may be secret is for the exporter's group alone.
func checkMode(t *testing.T, volume string, mode *int32) {
	t.Helper()
	if mode == nil || *mode != 0o440 {
		t.Errorf("the files of the volume %s have not the mode 0440", volume)
	}
}

// clusters is the exporter's configuration.
func clusters(t *testing.T, made objects) string {
	t.Helper()
	config := named[*corev1.ConfigMap](made)[release]
	if config == nil {
		t.Fatal("there is no ConfigMap with the configuration")
	}
	return config.Data["clusters.yml"]
}
