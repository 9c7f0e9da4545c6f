package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// patience is how long a scene waits for what has to happen some time.
const patience = time.Minute

// busyOffset is in place of the default: a busy machine keeps a probe that used up its
// time from ending for a while.
const busyOffset = time.Second

// layout is what a fault needs to be tried.
type layout struct {
	pairConfig
	// links puts a proxy on every way: from the exporter to both servers, and
	// from the replica to the primary.
	links bool
	// more are servers and nodes beside the pair, made when it is there.
	more func(*scene, *pairConfig)
}

// scene is a pair of real servers with an exporter, in which something breaks.
type scene struct {
	*pair
	nodes   []sceneNode
	timeout time.Duration // of a scrape
	slack   time.Duration // by which it may be exceeded
	wait    time.Duration // of a probe for a replica that is behind
	healthy expectation
	before  samples // the last scrape before the fault
	last    scrape
	fresh   map[string]time.Time // when a replica was last seen synced, by label
	links   map[string]*link
	undo    func()  // what hit leaves to heal
	killed  float64 // how often a primary was, with a standby promoted at once
	// passfile is the path of the exporter's, where it has one.
	passfile string
	// rest is what passes between two scrapes, where that is anything.
	rest func()
	// behind are the labels of nodes whose address leads to a server that is behind: from
	// then on nobody may call them synced.
	behind map[string]bool
	// moving is the label of a node that may lead to an older server than it did.
	moving string
	// older is a replica that the exporter does not know, whose replay was paused at pausedAt.
	older    *pgcluster.Server
	pausedAt time.Time
}

// sceneNode is a node of the exporter, by its name in the table.
type sceneNode struct {
	name, label string
	server      *pgcluster.Server
}

// scrape is one scrape with the moments around it.
type scrape struct {
	text         string
	samples      samples
	began, ended time.Time
}

func newScene(t *testing.T, f fault, pulse time.Duration) *scene {
	t.Helper()
	l := layout{pairConfig: defaultConfig()}
	// A busy machine takes more than the default of 100 ms now and then.
	l.probe.SyncedWithin, l.probe.Pulse = l.probe.Wait/2, pulse
	if f.with != nil {
		f.with(&l)
	}
	s := &scene{timeout: f.timeout, wait: l.probe.Wait, fresh: map[string]time.Time{}, links: map[string]*link{}, behind: map[string]bool{}}
	if s.timeout == 0 {
		s.timeout = 2 * scrapeTimeout
	}
	l.probe.Timeout = min(rig.ProbeTimeout, s.timeout-busyOffset)
	l.primaryRuns = func(p *pair, c *pairConfig) {
		s.pair = p
		if l.links {
			s.links[replication] = newLink(t, p.primary.Addr())
			c.replica.Via = s.links[replication].Listen
		}
	}
	l.replicaRuns = func(p *pair, c *pairConfig) {
		if l.links {
			s.links[toPrimary], s.links[toReplica] = newLink(t, p.primary.Addr()), newLink(t, p.replica.Addr())
			c.primaryDSN = through(p.primary, s.links[toPrimary].Listen)
			c.replicaDSN = through(p.replica, s.links[toReplica].Listen)
		}
		s.nodes = []sceneNode{{"primary", p.primary.Addr(), p.primary}, {"replica", p.replica.Addr(), p.replica}}
		if l.more != nil {
			l.more(s, c)
		}
		c.withoutSync = true // The scene waits for it itself.
	}
	newPair(t, func(c *pairConfig) { *c = l.pairConfig })
	for i, name := range nodeNames(t, s.connectionStrings(s.config)) {
		s.nodes[i].label = name
	}
	s.setTimeout(s.timeout)
	healthy := []string{"up 1", "primaries 1"}
	for i, node := range s.nodes {
		s.fresh[node.label] = time.Now()
		healthy = append(healthy, node.name+" "+map[bool]string{true: wordUp, false: string(verdict.StateSynced)}[i == 0])
	}
	s.healthy = s.parseExpectation(strings.Join(healthy, ", "))
	return s
}

// setTimeout sets the timeout of the scrapes, and of the probes where they may take longer.
func (s *scene) setTimeout(timeout time.Duration) {
	s.timeout = timeout
	s.handler.Timeout, s.handler.TimeoutOffset = max(timeout, rig.ProbeTimeout), busyOffset
}

// restartExporter puts a new exporter in the place of the scene's, without its memory.
func (s *scene) restartExporter() {
	s.t.Helper()
	s.closeExporters()
	s.collector, s.handler = s.newExporter(s.config)
	s.setTimeout(s.timeout)
	s.keep(scrape{}) // It counts from 0.
}

// through returns the exporter's connection string of a server, by way of an address.
func through(server *pgcluster.Server, address string) string {
	return strings.Replace(server.DSN(canaryRole, canaryPassword, "postgres"), server.Addr(), address, 1)
}

// label returns the label of a node, "" when there is none of that name.
func (s *scene) label(name string) string {
	for _, node := range s.nodes {
		if node.name == name {
			return node.label
		}
	}
	return ""
}

// rename gives a node the name that the table has for it.
func (s *scene) rename(from, to string) {
	for i := range s.nodes {
		if s.nodes[i].name == from {
			s.nodes[i].name = to
		}
	}
}

// scrape makes one scrape and fails when it is late or contradicts itself.
func (s *scene) scrape() scrape {
	s.t.Helper()
	if s.rest != nil {
		s.rest()
	}
	began := time.Now()
	text, took := s.scrapeText(s.timeout)
	m := scrape{text, parse(s.t, text), began, began.Add(took)}
	if took >= s.timeout+s.slack {
		s.t.Errorf("a scrape with a timeout of %v took %v", s.timeout, took)
	}
	for _, wrong := range s.contradictions(m) {
		s.t.Error(wrong)
	}
	return m
}

// scrapeInTime scrapes, and again up to twice where a node ran out of time and
// nothing that may be published says so: a busy machine takes longer for a
// connection than its share of the scrape.
func (s *scene) scrapeInTime(allowed ...expectation) scrape {
	s.t.Helper()
	for range 2 {
		m := s.scrape()
		if !s.starved(m, allowed...) {
			return m
		}
		s.t.Logf("the machine was too busy for a scrape:\n%s", s.describe(m))
		s.keep(m)
	}
	return s.scrape()
}

// starved says whether a node of a scrape failed by a timeout that none of the
// expectations knows.
func (s *scene) starved(m scrape, allowed ...expectation) bool {
	for _, want := range allowed {
		if strings.Contains(want.text, string(probe.ReasonTimeout)) {
			return false
		}
	}
	return slices.ContainsFunc(s.nodes, func(n sceneNode) bool {
		return slices.Contains(m.samples.grownReasons(n.label, s.last.samples), string(probe.ReasonTimeout))
	})
}

// keep makes a scrape the one that the next is compared with.
func (s *scene) keep(m scrape) { s.last = m }

// insist fails when a scrape does not publish what it should, or one of the
// things that it may.
func (s *scene) insist(m scrape, allowed ...expectation) {
	s.t.Helper()
	var complaints string
	for _, want := range allowed {
		wrong := s.differs(want, m.samples, s.last.samples)
		if len(wrong) == 0 {
			complaints = ""
			break
		}
		complaints += fmt.Sprintf("want %q:\n%s\n", want.text, strings.Join(wrong, "\n"))
	}
	if complaints != "" {
		s.t.Errorf("%s\n%s", complaints, s.describe(m))
	}
	s.keep(m)
}

// within scrapes up to n times and fails when none publishes what it should.
func (s *scene) within(n int, want expectation) scrape {
	s.t.Helper()
	for range n - 1 {
		m := s.scrape()
		wrong := s.differs(want, m.samples, s.last.samples)
		s.keep(m)
		if len(wrong) == 0 {
			return m
		}
	}
	m := s.scrapeInTime(want)
	s.insist(m, want)
	return m
}

// steady scrapes until two scrapes in a row publish what they should, and returns them.
func (s *scene) steady(want expectation) []scrape {
	s.t.Helper()
	var good []scrape
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		m := s.scrape()
		wrong := s.differs(want, m.samples, s.last.samples)
		s.keep(m)
		if len(wrong) > 0 || !s.promptly(m.samples) {
			good = nil
		} else if good = append(good, m); len(good) == 2 {
			return good
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %q:\n%s\n%s", want.text, strings.Join(wrong, "\n"), s.describe(m))
		}
	}
}

// scrapeUntil scrapes until a condition holds.
func (s *scene) scrapeUntil(what string, holds func(samples) bool) {
	s.t.Helper()
	waitFor(s.t, what, func() bool {
		s.keep(s.scrape())
		return holds(s.last.samples)
	}, func() string { return s.describe(s.last) })
}

// describe shows what a failure has to tell.
func (s *scene) describe(m scrape) string {
	var lines []string
	for line := range strings.SplitSeq(m.text, "\n") {
		if strings.HasPrefix(line, "pg_canary_") && !strings.Contains(line, "_bucket") && !strings.HasSuffix(line, "} 0") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\nlog:\n" + s.log.String()
}
