package main

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// TestLaboratoryHasTheDefaults holds what the laboratory takes for the
// exporter's defaults against the flags.
func TestLaboratoryHasTheDefaults(t *testing.T) {
	o := newOptions()
	if _, err := o.app.Parse([]string{"check"}); err != nil {
		t.Fatal(err)
	}
	if got := (probe.Config{Wait: o.probeWait, SyncedWithin: o.probeSyncedWithin, Timeout: o.probeTimeout}); got != rig.Config() {
		t.Errorf("the probe's settings are %+v, not %+v", got, rig.Config())
	}
	if got := o.nodeOptions(); got != rig.NodeOptions() {
		t.Errorf("the nodes' settings are %+v, not %+v", got, rig.NodeOptions())
	}
}
