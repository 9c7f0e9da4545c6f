//go:build unix

package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// program is the exporter's.
var exporters *exporter.Program

func TestMain(m *testing.M) {
	code := func() int {
		var err error
		if exporters, err = exporter.Build(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer exporters.Close() //nolint:errcheck // What is left is in the directory for temporary files.
		return m.Run()
	}()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something holds. The minute only guards against hanging.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// scene is a primary, db-a, and two replicas, db-b and db-c, with an exporter that nobody scrapes.
type scene struct {
	*rig.Rig
	t       *testing.T
	b, c    *pgcluster.Server
	address string // of the exporter
	log     *lab.Log
	running *exporter.Exporter
}

func newScene(t *testing.T, args ...string) *scene {
	t.Helper()
	return newSceneOn(t, rig.Options{Replicas: 2}, args...)
}

// newSceneOn is the same, on servers that are started otherwise.
func newSceneOn(t *testing.T, options rig.Options, args ...string) *scene {
	t.Helper()
	servers, err := rig.New(t.Context(), options)
	must(t, err)
	t.Cleanup(func() { must(t, servers.Close()) })
	s := &scene{Rig: servers, t: t, b: servers.Replica, c: servers.Servers.Replicas()[1], log: &lab.Log{}}
	s.running = s.start(servers.DSNs(), "", args...)
	s.address = s.running.Address
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the exporter:\n%s", s.log)
		}
	})
	return s
}

// start starts an exporter of the scene's cluster.
func (s *scene) start(dsns []string, listen string, args ...string) *exporter.Exporter {
	s.t.Helper()
	args = append([]string{"--cluster.name=default", "--primary.name=db-a", "--replica.name=db-b", "--replica.name=db-c"}, args...)
	running, err := exporters.Start(s.t.Context(), exporter.Config{DSNs: dsns, Args: args, Listen: listen, Shared: true, Log: s.log})
	must(s.t, err)
	s.t.Cleanup(func() {
		select {
		case <-running.Ended():
		default:
			must(s.t, running.Stop())
		}
	})
	return running
}

// answer is what a check got.
type answer struct {
	status      int
	state, text string
	lag         time.Duration // below 0: none
	asked       time.Time
}

// check asks the gate.
func check(t testing.TB, address, path string) answer {
	t.Helper()
	a := answer{asked: time.Now(), lag: -1}
	response, err := client.Get("http://" + address + path)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(response.Body)
	must(t, err)
	a.status, a.state, a.text = response.StatusCode, response.Header.Get("X-Canary-State"), strings.TrimSpace(string(text))
	if seconds := response.Header.Get("X-Canary-Lag"); seconds != "" {
		lag, err := strconv.ParseFloat(seconds, 64)
		must(t, err)
		a.lag = time.Duration(lag * float64(time.Second))
	}
	return a
}

// client keeps no connection, so that nothing is left when a test ends.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// until asks until the answer has a state.
func (s *scene) until(path, state string) answer {
	s.t.Helper()
	var last answer
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the last answer to %s was %+v", path, last)
		}
	}()
	eventually(s.t, path+" is answered by "+state, func() bool {
		last = check(s.t, s.address, path)
		if open := last.state == "fresh" || last.state == "primary" || last.state == "kept" || last.state == "writable"; open != (last.status == http.StatusOK) {
			s.t.Errorf("%s is answered by %+v", path, last)
		}
		return last.state == state
	})
	s.t.Logf("%s: %s", path, last.text)
	return last
}

// all asks for every node until the answers have these states.
func (s *scene) all(query, a, b, c string) {
	s.t.Helper()
	for node, state := range map[string]string{"db-a": a, "db-b": b, "db-c": c} {
		s.until("/fresh/default/"+node+query, state)
	}
}

// capacity is the value that the beats have reached on a server.
func capacity(t testing.TB, server *pgcluster.Server) (value int64) {
	t.Helper()
	must(t, server.QueryRow(t.Context(), rig.SectionSQL, &value))
	return value
}

// makeStream makes the row of a stream, and waits until all servers have it.
func (s *scene) makeStream(ctx context.Context) error {
	if err := s.Primary.Exec(ctx, "DROP TABLE IF EXISTS stream"); err != nil {
		return err
	}
	if err := s.Primary.Exec(ctx, "CREATE TABLE stream AS SELECT 0 AS n"); err != nil {
		return err
	}
	return errors.Join(s.b.WaitCaughtUp(ctx), s.c.WaitCaughtUp(ctx))
}
