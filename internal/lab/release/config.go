//go:build unix

// Package release makes what a release holds and goreleaser does not, and the packages for Linux in seconds by
// what .goreleaser.yaml says, so that every change can try them; building goreleaser takes minutes.
package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"
)

// configFile is goreleaser's configuration, in the directory of the repository.
const configFile = ".goreleaser.yaml"

// configuration is what is read of goreleaser's.
type configuration struct {
	Builds []struct {
		Main    string   `yaml:"main"`
		Binary  string   `yaml:"binary"`
		Env     []string `yaml:"env"`
		Flags   []string `yaml:"flags"`
		LDFlags []string `yaml:"ldflags"`
	} `yaml:"builds"`
	Packages []map[string]any `yaml:"nfpms"`
}

// parse reads goreleaser's configuration, with its templates filled in.
func parse(content []byte, v values) (*configuration, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return nil, err
	}
	var c configuration
	if err := root.Decode(&c); err != nil {
		return nil, err
	}
	if len(c.Builds) != 1 || len(c.Packages) != 1 {
		return nil, fmt.Errorf("it has %d builds and %d nfpms; this knows what to do with one of each", len(c.Builds), len(c.Packages))
	}
	var failed []error
	fill := func(text string) string {
		filled, err := v.fill(text)
		failed = append(failed, err)
		return filled
	}
	for i, flag := range c.Builds[0].LDFlags {
		c.Builds[0].LDFlags[i] = fill(flag)
	}
	c.Packages[0], _ = fillAll(c.Packages[0], fill).(map[string]any)
	return &c, errors.Join(failed...)
}

// fillAll fills in each text of a value.
func fillAll(value any, fill func(string) string) any {
	switch value := value.(type) {
	case string:
		return fill(value)
	case []any:
		for i := range value {
			value[i] = fillAll(value[i], fill)
		}
	case map[string]any:
		for key := range value {
			if key != "file_name_template" { // nfpm names its files so by itself.
				value[key] = fillAll(value[key], fill)
			}
		}
	}
	return value
}

// values are those that templates name, as goreleaser calls them.
type values struct {
	Version    string
	FullCommit string
	CommitDate string // in UTC, as in RFC 3339
}

func (v values) fill(text string) (string, error) {
	t, err := template.New(configFile).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var filled bytes.Buffer
	if err := t.Execute(&filled, v); err != nil {
		return "", fmt.Errorf("%w; what is not filled in here, goreleaser alone knows", err)
	}
	return filled.String(), nil
}

// committed asks git for the values of the commit that is checked out.
func committed(ctx context.Context, version string) (values, error) {
	out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%H %ct").Output()
	if err != nil {
		return values{}, fmt.Errorf("git log: %w; a release is made in a clone of the repository", err)
	}
	return commitValues(string(out), version)
}

func commitValues(line, version string) (values, error) {
	hash, seconds, _ := strings.Cut(strings.TrimSpace(line), " ")
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return values{}, fmt.Errorf("the commit's time: %w", err)
	}
	return values{Version: version, FullCommit: hash, CommitDate: time.Unix(epoch, 0).UTC().Format(time.RFC3339)}, nil
}

// read reads the configuration of the repository in this directory.
func read(v values) (*configuration, error) {
	content, err := os.ReadFile(configFile)
	if err != nil {
		return nil, fmt.Errorf("%w; run this in the directory of the repository", err)
	}
	c, err := parse(content, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	return c, nil
}
