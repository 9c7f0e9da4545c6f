//go:build unix

package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workload is what of a Deployment or a Job matters to who runs its pod.
type workload struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []container `yaml:"containers"`
				Volumes    []volume    `yaml:"volumes"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type container struct {
	Args []string `yaml:"args"`
	Env  []struct {
		Name      string `yaml:"name"`
		ValueFrom struct {
			SecretKeyRef struct {
				Name string `yaml:"name"`
				Key  string `yaml:"key"`
			} `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	} `yaml:"env"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type volume struct {
	Name      string  `yaml:"name"`
	ConfigMap *source `yaml:"configMap"`
	Secret    *source `yaml:"secret"`
	Projected *struct {
		Sources []struct {
			Secret *source `yaml:"secret"`
		} `yaml:"sources"`
	} `yaml:"projected"`
}

type source struct {
	Name       string `yaml:"name"`
	SecretName string `yaml:"secretName"`
	Optional   bool   `yaml:"optional"`
	Items      []struct {
		Key  string `yaml:"key"`
		Path string `yaml:"path"`
	} `yaml:"items"`
}

// kubelet gives the program what Kubernetes gives the container of a pod, below a folder in place of /.
type kubelet struct {
	testing.TB
	root string
	// objects are the contents of Secrets and ConfigMaps, by name and key.
	objects map[string]map[string]string
	mounted int
}

// load reads a manifest.
func (k *kubelet) load(path string) workload {
	k.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		k.Fatal(err)
	}
	var w workload
	if err := yaml.Unmarshal(text, &w); err != nil {
		k.Fatal(err)
	}
	return w
}

// here returns a text with the paths of the pod where they are on this machine.
func (k *kubelet) here(text string) string {
	return strings.ReplaceAll(text, "/etc/pg_canary_exporter", k.root+"/etc/pg_canary_exporter")
}

// prepare mounts the volumes of a pod, anew where they are mounted, and returns the arguments and the environment of its container.
func (k *kubelet) prepare(w workload) (args, env []string) {
	k.Helper()
	pod := w.Spec.Template.Spec
	c := pod.Containers[0]
	for _, mount := range c.VolumeMounts {
		files := map[string]string{}
		for _, v := range pod.Volumes {
			if v.Name == mount.Name {
				maps.Copy(files, k.files(v))
			}
		}
		k.mount(k.root+mount.MountPath, files)
	}
	for _, arg := range c.Args {
		args = append(args, k.here(arg))
	}
	for _, variable := range c.Env {
		ref := variable.ValueFrom.SecretKeyRef
		value, ok := k.objects[ref.Name][ref.Key]
		if !ok {
			k.Fatalf("%s: there is no key %s in %s", variable.Name, ref.Key, ref.Name)
		}
		env = append(env, variable.Name+"="+value)
	}
	return args, env
}

// files returns what is in a volume, by path.
func (k *kubelet) files(v volume) map[string]string {
	k.Helper()
	sources := []*source{v.ConfigMap, v.Secret}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			sources = append(sources, s.Secret)
		}
	}
	files := map[string]string{}
	for _, s := range sources {
		if s == nil {
			continue
		}
		content, there := k.objects[s.Name+s.SecretName]
		if !there && !s.Optional {
			k.Fatalf("the volume %s needs %s", v.Name, s.Name+s.SecretName)
		}
		for _, item := range s.Items {
			if there {
				files[item.Path] = k.here(content[item.Key])
			}
		}
	}
	return files
}

// mount does what the kubelet does: the files are in a folder of their own, to which a link leads that is exchanged at once.
func (k *kubelet) mount(dir string, files map[string]string) {
	k.Helper()
	k.mounted++
	data := fmt.Sprintf("..%d", k.mounted)
	for path, content := range files {
		whole := filepath.Join(dir, data, path)
		if err := os.MkdirAll(filepath.Dir(whole), 0o755); err != nil {
			k.Fatal(err)
		}
		if err := os.WriteFile(whole, []byte(content), 0o600); err != nil {
			k.Fatal(err)
		}
		first, _, _ := strings.Cut(path, "/")
		if err := os.Symlink("..data/"+first, filepath.Join(dir, first)); err != nil && !os.IsExist(err) {
			k.Fatal(err)
		}
	}
	next := filepath.Join(dir, "..data_tmp")
	if err := os.Symlink(data, next); err != nil {
		k.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
		k.Fatal(err)
	}
}
