package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomized returns what kustomize makes of a folder, with its defaults: no file outside of the folder of a kustomization is read.
func kustomized(t *testing.T, folder string) objects {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKustomizeIsTheChart: the example for kustomize and the chart with the example for CloudNativePG make the same, so that neither is
// hardened, or mended, without the other.
func TestKustomizeIsTheChart(t *testing.T) {
	plain, helm := kustomized(t, "../kubernetes/example"), rendered(t, examples(t)["cloudnativepg"])
	if diff := cmp.Diff(slices.Sorted(maps.Keys(helm)), slices.Sorted(maps.Keys(plain))); diff != "" {
		t.Fatalf("objects (-chart +kustomize):\n%s", diff)
	}
	for key, want := range helm {
		withoutHelm(want)
		withoutHelm(plain[key])
		options := []cmp.Option{cmpopts.EquateEmpty()}
		if strings.HasPrefix(key, "ConfigMap/") {
			options = append(options, cmp.Comparer(sameConfig(t)))
		}
		if diff := cmp.Diff(want, plain[key], options...); diff != "" {
			t.Errorf("%s (-chart +kustomize):\n%s", key, diff)
		}
	}
}

// withoutHelm removes what is Helm's own.
func withoutHelm(o metav1.Object) {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	for _, name := range []string{"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"} {
		delete(labels, name)
	}
	maps.DeleteFunc(annotations, func(name, _ string) bool { return strings.HasPrefix(name, "helm.sh/") })
	o.SetLabels(labels)
	o.SetAnnotations(annotations)
}

// sameConfig compares ConfigMaps; the exporter's configuration without its comments and the order of its keys.
func sameConfig(t *testing.T) func(a, b *corev1.ConfigMap) bool {
	return func(a, b *corev1.ConfigMap) bool {
		one, other := a.DeepCopy(), b.DeepCopy()
		const key = "clusters.yml"
		same := cmp.Equal(parse(t, one.Data[key]), parse(t, other.Data[key]))
		delete(one.Data, key)
		delete(other.Data, key)
		return same && cmp.Equal(one, other, cmpopts.EquateEmpty())
	}
}

func TestBaseStandsAlone(t *testing.T) {
	made := kustomized(t, "../kubernetes/base")
	checkPodSecurity(t, made)
	checkSelectors(t, made)
	checkFiles(t, made)
	checkExporterTakesIt(t, made)
}
