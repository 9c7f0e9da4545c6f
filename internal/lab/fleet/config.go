//go:build unix

package fleet

import (
	"fmt"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// configuration is the exporter's, as far as it is written here.
type configuration struct {
	Defaults struct {
		DSN string `yaml:"dsn,omitempty"`
	} `yaml:"defaults,omitempty"`
	Clusters []clusterConfig `yaml:"clusters"`
}

type clusterConfig struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels,omitempty"`
	Nodes  []nodeConfig      `yaml:"nodes"`
}

type nodeConfig struct {
	Name string `yaml:"name"`
	DSN  string `yaml:"dsn"`
}

// configure returns the configuration for clusters of simulated servers.
func configure(clusters []*simulate.Cluster) *configuration {
	c := &configuration{}
	for _, cluster := range clusters {
		c.add(cluster.Name, cluster.DSNs())
	}
	return c
}

// add adds a cluster.
func (c *configuration) add(name string, dsns []string) {
	added := clusterConfig{Name: name, Labels: map[string]string{"team": "laboratory"}}
	for i, dsn := range dsns {
		added.Nodes = append(added.Nodes, nodeConfig{fmt.Sprintf("%s-%d", name, i+1), dsn})
	}
	c.Clusters = append(c.Clusters, added)
}

// write puts the configuration into a file, which is there as a whole at any time.
func (c *configuration) write(file string) error {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// job is the name of the one that scrapes the exporter.
const job = "pg_canary"

// targetLabel has the name of a series' target: the exporter's service discovery makes it the cluster's.
const targetLabel = "instance"

// discovery has Prometheus find the clusters of the exporter at an address by itself.
func discovery(address string) string {
	return fmt.Sprintf(`
    http_sd_configs:
      - url: http://%s/targets
        refresh_interval: 5s
`, address)
}

// scrapeConfig is the beginning of a configuration, up to where the targets are from.
func scrapeConfig(interval time.Duration) string {
	const longestTimeout = 10 * time.Second
	return fmt.Sprintf(`
global:
  scrape_interval: %v
  scrape_timeout: %v
scrape_configs:
  - job_name: %s
    metrics_path: /probe`, interval, min(interval, longestTimeout), job)
}

// relabelling has targets asked of an exporter at an address, where they are not from its service discovery.
func relabelling(address string) string {
	return fmt.Sprintf(`
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: %s
      - target_label: __address__
        replacement: %s
`, targetLabel, address)
}
