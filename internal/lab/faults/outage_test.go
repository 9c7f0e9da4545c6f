package faults_test

import (
	"strings"
	"testing"
	"time"
)

// TestOutageOfWrites freezes a primary and lets it go on. The outage that is counted has
// to lie between what was surely one, and what may have been one: the scrapes around.
func TestOutageOfWrites(t *testing.T) {
	p := newPair(t)
	m := p.scrape(5 * time.Second)
	m.want(t, "pg_canary_write_outages_total", 0)
	m.want(t, "pg_canary_write_outage_seconds_total", 0)
	acknowledged := m["pg_canary_last_acknowledged_timestamp_seconds"]
	commits := m["pg_canary_commit_duration_seconds"]

	must(t, p.primary.Freeze())
	frozen := time.Now()
	m = p.eventually("a write fails", func(m samples) bool { return m["pg_canary_up"] == 0 })
	failed := time.Now()
	m.want(t, "pg_canary_write_outages_total", 1)
	m.want(t, "pg_canary_last_acknowledged_timestamp_seconds", acknowledged)
	m.want(t, "pg_canary_commit_duration_seconds", commits)
	if lasts := m["pg_canary_write_outage_seconds_total"]; lasts <= 0 || lasts > failed.Sub(frozen).Seconds() {
		t.Errorf("the outage has lasted for %v s, and the primary was frozen for %v", lasts, failed.Sub(frozen))
	}
	must(t, p.primary.Thaw())
	thawed := time.Now()
	m = p.eventually("it is written again", func(m samples) bool { return m["pg_canary_up"] == 1 })
	again := time.Now()
	m.want(t, "pg_canary_write_outages_total", 1)
	lasted := m["pg_canary_write_outage_seconds_total"]
	if lasted < thawed.Sub(failed).Seconds() || lasted > again.Sub(frozen).Seconds() {
		t.Errorf("the outage lasted for %v s: the primary was frozen for %v, and the write acknowledged %v after that",
			lasted, thawed.Sub(frozen), again.Sub(thawed))
	}
	m = p.scrape(5 * time.Second)
	m.want(t, "pg_canary_write_outage_seconds_total", lasted)
	for _, line := range []string{
		`level=error msg="no canary commit is acknowledged" primary=` + p.primary.Addr() + " reason=timeout",
		`level=info msg="canary commits are acknowledged again" primary=` + p.primary.Addr() + " after=",
	} {
		if strings.Count(p.log.String(), line) != 1 {
			t.Errorf("the log does not have once %q:\n%s", line, p.log)
		}
	}
}
