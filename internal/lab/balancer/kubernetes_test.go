//go:build unix

package balancer

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// deployment is what the guide's example is read for.
type deployment struct {
	Kind string
	Spec struct {
		Selector any
		Template struct {
			Spec struct {
				Containers []struct {
					ReadinessProbe struct {
						Exec             struct{ Command []string }
						FailureThreshold int `yaml:"failureThreshold"`
					} `yaml:"readinessProbe"`
				}
			}
		}
	}
}

// TestReadinessProbe runs the command of the guide's example.
func TestReadinessProbe(t *testing.T) {
	var probe []string
	for documents := yaml.NewDecoder(strings.NewReader(example(t, "yaml", 0))); ; {
		var d deployment
		if err := documents.Decode(&d); errors.Is(err, io.EOF) {
			break
		} else if d.Kind == "Deployment" {
			must(t, err)
			probe = d.Spec.Template.Spec.Containers[0].ReadinessProbe.Exec.Command
			if d.Spec.Template.Spec.Containers[0].ReadinessProbe.FailureThreshold != 1 {
				t.Error("a pod is not ready no sooner than after several checks")
			}
		}
	}
	s := newScene(t)
	ready := func() bool {
		last := len(probe) - 1
		url := filled(t, probe[last], "pg-canary-exporter:10187", s.address, "/orders/", "/default/")
		return exec.CommandContext(t.Context(), probe[0], append(append([]string{}, probe[1:last]...), url)...).Run() == nil //nolint:gosec // The guide says it.
	}
	eventually(t, "the pod is ready", ready)
	must(t, s.PauseReplay(t.Context()))
	eventually(t, "it is not", func() bool { return !ready() })
	must(t, s.ResumeReplay(t.Context()))
	eventually(t, "it is again", ready)
	must(t, s.running.Stop())
	if ready() {
		t.Error("it is ready without an exporter")
	}
}
