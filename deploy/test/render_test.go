// Package deploy_test renders the Helm chart and the kustomizations, and holds what comes out to Kubernetes' own types.
// It is a module of its own, so that the exporter's has none of Kubernetes' modules.
package deploy_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	chartDir  = "../helm/pg-canary-exporter"
	release   = "pg-canary-exporter"
	namespace = "db"
)

// kinds makes an object of each kind that may come out.
var kinds = map[string]func() metav1.Object{
	"v1/ConfigMap":                                func() metav1.Object { return &corev1.ConfigMap{} },
	"v1/Service":                                  func() metav1.Object { return &corev1.Service{} },
	"v1/ServiceAccount":                           func() metav1.Object { return &corev1.ServiceAccount{} },
	"apps/v1/Deployment":                          func() metav1.Object { return &appsv1.Deployment{} },
	"batch/v1/Job":                                func() metav1.Object { return &batchv1.Job{} },
	"networking.k8s.io/v1/NetworkPolicy":          func() metav1.Object { return &networkingv1.NetworkPolicy{} },
	"policy/v1/PodDisruptionBudget":               func() metav1.Object { return &policyv1.PodDisruptionBudget{} },
	"monitoring.coreos.com/v1/PrometheusRule":     func() metav1.Object { return &monitoringv1.PrometheusRule{} },
	"monitoring.coreos.com/v1/ServiceMonitor":     func() metav1.Object { return &monitoringv1.ServiceMonitor{} },
	"monitoring.coreos.com/v1alpha1/ScrapeConfig": func() metav1.Object { return &monitoringv1alpha1.ScrapeConfig{} },
}

// objects are what was rendered, by kind and name.
type objects map[string]metav1.Object

// named returns the objects of a type by their names.
func named[T metav1.Object](all objects) map[string]T {
	found := map[string]T{}
	for _, o := range all {
		if one, ok := o.(T); ok {
			found[o.GetName()] = one
		}
	}
	return found
}

// only returns the single object of a type.
func only[T metav1.Object](t *testing.T, all objects) T {
	t.Helper()
	found := named[T](all)
	if len(found) != 1 {
		t.Fatalf("there are %q, and not one", slices.Collect(maps.Keys(found)))
	}
	for _, one := range found {
		return one
	}
	panic("unreachable")
}

// decode reads YAML documents strictly: no key that the type does not have, none twice, none in another case.
func decode(text []byte) (objects, error) {
	all := objects{}
	reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var head metav1.TypeMeta
		if err := yaml.Unmarshal(document, &head); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		if head == (metav1.TypeMeta{}) { // Nothing but comments.
			continue
		}
		makeOne, known := kinds[head.APIVersion+"/"+head.Kind]
		if !known {
			return nil, fmt.Errorf("unexpected %s/%s", head.APIVersion, head.Kind)
		}
		one := makeOne()
		if err := strictly(document, one); err != nil {
			return nil, fmt.Errorf("%s: %w in\n%s", head.Kind, err, document)
		}
		key := head.Kind + "/" + one.GetName()
		if _, twice := all[key]; twice {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		all[key] = one
	}
}

func strictly(document []byte, into any) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(strict, err)...)
}

// packaged returns the chart as a user has it who installs a package of it.
func packaged(t *testing.T) *chart.Chart {
	t.Helper()
	fromFolder, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	path, err := chartutil.Save(fromFolder, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := loader.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render returns what Helm makes of the chart with values, as text by template.
func render(c *chart.Chart, name string, values map[string]any) (map[string]string, error) {
	capabilities := common.DefaultCapabilities.Copy()
	options := common.ReleaseOptions{Name: name, Namespace: namespace, IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(c, values, options, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// rendered returns the objects of the chart with values of one or more files, of which the later win.
func rendered(t *testing.T, values map[string]any) objects {
	t.Helper()
	files, err := render(packaged(t), release, values)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) == ".yaml" {
			fmt.Fprintf(&text, "---\n%s\n", files[name])
		}
	}
	all, err := decode([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parse reads values, as they are written in a file.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := common.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// examples are the values of the chart's examples by name.
func examples(t *testing.T) map[string]map[string]any {
	t.Helper()
	paths, err := filepath.Glob(chartDir + "/examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	all := map[string]map[string]any{}
	for _, path := range paths {
		values, err := common.ReadValuesFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".yaml")] = values
	}
	return all
}
