//go:build unix && patroni

package patroni_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

// The clusters of the exporter's configuration file: the same members, probed by scrapes alone, and by a pulse beside them.
const (
	scraped = "scraped"
	pulsed  = "pulsed"
)

var both = []string{scraped, pulsed}

// role is the exporter's on the servers.
const (
	role     = "canary"
	password = "pa55-MARKED"
)

// probed is a real cluster of Patroni, and the whole exporter that finds it by one member's URL.
type probed struct {
	*scene
	exporter *exporter.Exporter
	log      *lines
	began    time.Time          // the exporter did
	counters map[string]samples // by cluster, as they were last scraped
	lost     map[string]float64 // by cluster, as the tables of all failovers said
	last     map[string]int64   // by cluster, the last value on a leader that is given up
}

// newProbed starts all of it. Setup is run through the primary.
func newProbed(t *testing.T) *probed {
	t.Helper()
	p := &probed{scene: newScene(t), log: &lines{}, counters: map[string]samples{}, lost: map[string]float64{}, last: map[string]int64{}}
	program, err := exporter.Build(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, program.Close()) })
	leader, _ := p.leaderAndReplicas()
	p.await("a leader", leads(leader.Name)) // The scene's own source knows the other members from here on.
	dir := t.TempDir()
	secret, file := filepath.Join(dir, "secret"), filepath.Join(dir, "clusters.yml")
	must(t, os.WriteFile(secret, []byte(password+"\n"), 0o600))
	text := "defaults: {dsn: user=" + role + " dbname=postgres sslmode=disable, password_file: secret}\nclusters:\n"
	for _, name := range both {
		setup := program.Command(t.Context(), []string{leader.DSN()}, "setup", "--role="+role, "--role.password-file="+secret,
			"--canary.section="+name, "--cluster.name="+name)
		if output, err := setup.CombinedOutput(); err != nil {
			t.Fatalf("setup: %v\n%s", err, output)
		}
		text += fmt.Sprintf("  - {name: %s, section: %s, pulse: %s, discover: {patroni: [%q]}}\n",
			name, name, map[string]string{scraped: "0s", pulsed: "100ms"}[name], p.cluster.Member("n1").URL())
	}
	must(t, os.WriteFile(file, []byte(text), 0o600))
	p.began = time.Now()
	p.exporter, err = program.Start(t.Context(), exporter.Config{
		Args: []string{"--config.file=" + file}, Shared: true, Moments: true, Timeout: 10 * time.Second, Log: p.log,
	})
	must(t, err)
	t.Cleanup(func() {
		must(t, p.exporter.Stop())
		if text := p.log.all(); strings.Contains(text, password) {
			t.Error("the log has the password")
		}
	})
	return p
}

// under is the same in a test below.
func (p probed) under(t *testing.T) *probed {
	p.scene = p.scene.under(t)
	return &p
}

// until scrapes a cluster until it is as wanted. Whatever happens meanwhile, no node goes and no counter goes back.
func (p *probed) until(cluster, what string, wanted func(samples) bool) samples {
	p.Helper()
	var last samples
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		last = p.scrape(cluster)
		if nodes := last.nodes(); len(p.names) > 0 && !slices.Equal(nodes, p.names) {
			p.Fatalf("awaiting %s, %s has the nodes %q, not %q\n%s", what, cluster, nodes, p.names, p.log.since(p.began))
		}
		if wanted(last) {
			return last
		}
	}
	p.Fatalf("%s was not so in time: %s; it shows:\n%s\nand the exporter says:\n%s", cluster, what, last, p.log.since(p.began))
	return nil
}

// untilBoth does so with both clusters, one after the other.
func (p *probed) untilBoth(what string, wanted func(samples) bool) {
	p.Helper()
	for _, cluster := range both {
		p.until(cluster, what, wanted)
	}
}

// well is how a cluster is as a rule: one primary, from which all others get everything in time.
func (p *probed) well(leader string) func(samples) bool {
	return func(s samples) bool {
		if s.value("pg_canary_up") != 1 || s.value("pg_canary_primaries") != 1 || len(s.nodes()) != len(p.names) {
			return false
		}
		for _, name := range p.names {
			if name == leader && s.value("pg_canary_node_is_primary", "node", name) != 1 ||
				name != leader && (s.state(name) != "synced" || s.value("pg_canary_synced", "replica", name) != 1) {
				return false
			}
		}
		return true
	}
}

// takeover does what makes another member the leader, and awaits that it is, and what the exporter counts then: one takeover, and as many
// lost beats as the tables say. Who leads then is well.
func (p *probed) takeover(from *patroni.Member, do func(), well func() *patroni.Member) {
	p.Helper()
	began, before := time.Now(), map[string]samples{}
	for _, cluster := range both {
		before[cluster] = p.scrape(cluster)
	}
	do()
	to := well()
	for _, cluster := range both {
		p.lost[cluster] += p.missing(cluster, from, to, began)
		p.until(cluster, "the lost beats are counted", func(s samples) bool { return s.value("pg_canary_lost_writes_total") == p.lost[cluster] })
		after := p.until(cluster, "it is well", p.well(to.Name))
		for name, want := range map[string]float64{
			"pg_canary_primary_changes_total": before[cluster].value("pg_canary_primary_changes_total") + 1,
			"pg_canary_lost_writes_total":     p.lost[cluster],
		} {
			if got := after.value(name); got != want {
				p.Errorf("%s: %s is %v, want %v", cluster, name, got, want)
			}
		}
	}
}

// missing returns how many beats that one member acknowledged are not in the table of the next leader, whose era follows
// the last one that is. The old one's own table tells where it could be read; else the log, which has no beat of a
// probe that found another primary.
func (p *probed) missing(cluster string, from, to *patroni.Member, began time.Time) float64 {
	p.Helper()
	followed := p.section(to, cluster, "eras[cardinality(eras)]")
	missing := int64(len(p.log.acknowledged(cluster, from.Name, began, followed)))
	last, read := p.last[cluster]
	if read {
		missing = max(0, last-followed)
		delete(p.last, cluster)
	}
	p.Logf("%s: the era of %s follows %d; %d acknowledged beats of %s are missing (its own table was read: %v)", cluster, to.Name, followed, missing, from.Name, read)
	return float64(missing)
}

// section reads a value of the exporter's row on a member.
func (p *probed) section(member *patroni.Member, name, column string) (value int64) {
	p.Helper()
	conn, err := pgx.Connect(p.Context(), member.DSN())
	must(p.T, err)
	defer conn.Close(context.WithoutCancel(p.Context())) //nolint:errcheck // It was only read.
	must(p.T, conn.QueryRow(p.Context(), "SELECT "+column+" FROM canary.section WHERE name = $1", name).Scan(&value))
	return value
}
