//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func runWith(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = exitStatus(t.Context(), run(t.Context(), args, &out), &errs)
	return out.String(), errs.String(), status
}

func TestMistakesInFlags(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":        {[]string{"nonsense"}, "nonsense"},
		"unknown flag":           {[]string{"demo", "--install-only"}, "--install-only"},
		"no replica":             {[]string{"demo", "--replicas=0"}, "give 1 to 8"},
		"no interval":            {[]string{"demo", "--interval=0s"}, "give a time above 0"},
		"no such guide":          {[]string{"guides", "nonsense"}, "no pages in docs/guides: run this in the repository"},
		"soak without history":   {[]string{"soak", "--probes=1"}, "--history"},
		"no scenario of a fleet": {[]string{"fleet", "--only=nonsense"}, "--only: no scenario"},
		"a fleet of none":        {[]string{"fleet", "--clusters=0"}, "--clusters: give a number above 0"},
		"a history that cannot be written": {
			[]string{"soak", "--probes=1", "--history=" + filepath.Join(t.TempDir(), "none", "h")}, "no such file",
		},
		"a history that is not there": {[]string{"soak", "check", filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, stderr, status := runWith(t, test.args...); status != 2 || !strings.Contains(stderr, test.want) {
				t.Errorf("status %d and %q, want 2 and %q", status, stderr, test.want)
			}
		})
	}
}

// TestCheckOfNothing: a history in which nothing happened proves nothing.
func TestCheckOfNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(file, []byte(`{"settings":{"synced_within":1}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, status := runWith(t, "soak", "check", file)
	if status != 1 || !strings.Contains(stdout, "no proof") {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

func TestExitStatus(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want int
	}{
		"all is well":                      {t.Context(), nil, 0},
		"a demo that was interrupted":      {interrupted, nil, 0},
		"a measurement that was":           {interrupted, errors.Join(lab.ErrUntrue, context.Canceled), 130},
		"something is wrong":               {t.Context(), lab.ErrUntrue, 1},
		"something could not be done":      {t.Context(), errors.New("no disk"), 2},
		"a timeout without an interrupt":   {t.Context(), context.DeadlineExceeded, 2},
		"something is wrong, and the rest": {t.Context(), errors.Join(lab.ErrUntrue, errors.New("no disk")), 1},
	} {
		var stderr bytes.Buffer
		if got := exitStatus(test.ctx, test.err, &stderr); got != test.want || (test.err == nil) != (stderr.Len() == 0) {
			t.Errorf("%s: status %d and %q, want %d", name, got, &stderr, test.want)
		}
	}
}

// TestDemo runs all of the demo and interrupts it.
func TestDemo(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &watched{seen: interrupt, want: []string{"synced"}}
	if err := run(ctx, []string{"demo", "--listen=127.0.0.1:0", "--load", "--pause", "--interval=100ms"}, out); err != nil {
		t.Errorf("it ended with %v:\n%s", err, &out.text)
	}
	for _, want := range []string{"PostgreSQL's server: ", "Look at http://127.0.0.1:", "Metrics: http://127.0.0.1:", "psql on replica1", "On replica1: SELECT", "Writing heavily", "files removed"} {
		if !strings.Contains(out.text.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, &out.text)
		}
	}
}

// TestDemoOfFailovers lets the demo kill primaries, faster than a person could follow,
// until all has been seen.
func TestDemoOfFailovers(t *testing.T) {
	fast := demo.Times{
		Busy: time.Second, Idle: time.Second, Paused: 200 * time.Millisecond, Replaying: 200 * time.Millisecond,
		Before: time.Millisecond, Rest: time.Millisecond, Down: time.Millisecond, Dead: time.Millisecond,
	}
	for name, test := range map[string]struct {
		options demo.Options
		want    []string
	}{
		"there and back, under load": {
			demo.Options{Replicas: 1, Load: true},
			[]string{
				"Killing primary db1", `msg="no canary commit is acknowledged" primary=db1`,
				"Promoting db2", `msg="another server took over as primary" from=db1 to=db2`,
				`msg="canary commits are acknowledged again" primary=db2`, "Cloning db1 as a standby of db2", "db1 is back",
				"Killing primary db2", "Promoting db1", "Cloning db2 as a standby of db1", "db2 is back",
				"Writing heavily to db1", "Writing heavily to db2",
			},
		},
		"others follow, and one is paused": {
			demo.Options{Replicas: 3, Pause: true},
			[]string{
				"Killing primary db1", "Making db", "Cloning db1 as a standby of db", "db1 is back",
				"SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			const patience = 5 * time.Minute // The machine may be busy.
			ctx, interrupt := context.WithTimeout(t.Context(), patience)
			defer interrupt()
			test.options.Listen, test.options.Interval = "127.0.0.1:0", 100*time.Millisecond
			test.options.Failover, test.options.Times = true, fast
			out := &watched{seen: interrupt, want: append(test.want, "Nobody could write for ", "Acknowledged commits lost: ")}
			if err := demo.Run(ctx, test.options, out); err != nil {
				t.Errorf("it ended with %v:\n%s", err, &out.text)
			}
			if missing := out.missing(); len(missing) > 0 || !strings.Contains(out.text.String(), "files removed") {
				t.Errorf("the demo does not say %q, or does not clean up:\n%s", missing, &out.text)
			}
		})
	}
}
