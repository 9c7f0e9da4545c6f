package main

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// TestLaboratoryHasTheDefaults holds what the laboratory takes for the
// exporter's defaults against the flags.
func TestLaboratoryHasTheDefaults(t *testing.T) {
	o := newOptions()
	_, err := o.app.Parse([]string{"check", "--primary.dsn=host=db", "--primary.name=a"})
	must(t, err)
	described, err := o.configuration()
	must(t, err)
	cluster := described.Clusters[0]
	probes := fleet.ProbeConfig(cluster.Settings)
	probes.MinInterval = 0 // The laboratory's probes are not shared.
	if probes != rig.Config() {
		t.Errorf("the probe's settings are %+v, not %+v", probes, rig.Config())
	}
	options := fleet.NodeOptions(cluster, cluster.Nodes[0])
	options.Name = "" // It has none of its own there.
	if options != rig.NodeOptions() {
		t.Errorf("the nodes' settings are %+v, not %+v", options, rig.NodeOptions())
	}
}
