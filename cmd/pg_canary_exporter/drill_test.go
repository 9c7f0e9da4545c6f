package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// drillReport is what the tests read of the JSON.
type drillReport struct {
	Beats struct {
		Acknowledged, Refused int64
		GivenUp               int64 `json:"given_up"`
	}
	Outages []struct {
		Before, After struct{ Node string }
	}
	Takeovers []struct {
		From, To struct {
			Node     string
			Timeline int
		}
	}
	Nodes []struct {
		Node, Condition string
	}
	Exceeded []struct {
		Limit string
	}
}

// inBackground runs the program until end is called, which returns what runWith does.
func inBackground(t *testing.T, args ...string) (errs *lab.Log, end func() (stdout string, status int)) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	t.Cleanup(interrupt)
	out, errs := &lab.Log{}, &lab.Log{}
	ended := make(chan int, 1)
	go func() { ended <- exitStatus(run(ctx, args, out, errs), errs) }()
	return errs, func() (string, int) {
		interrupt()
		status := <-ended
		if text := out.String() + errs.String(); strings.Contains(text, marked) {
			t.Errorf("%v gives the password away:\n%s", args, text)
		}
		return out.String(), status
	}
}

// beaten waits until a server has taken some beats of a drill.
func beaten(t *testing.T, server *pgcluster.Server, section string) {
	t.Helper()
	const enough = 5
	for first, now := int64(-1), int64(0); first < 0 || now < first+enough; time.Sleep(time.Millisecond) {
		must(t, server.QueryRow(t.Context(), "SELECT capacity FROM canary.section WHERE name = '"+section+"'", &now))
		if first < 0 {
			first = now
		}
	}
}

// TestDrill kills the primary in a drill and promotes the replica.
func TestDrill(t *testing.T) {
	servers, primary := prepared(t)
	first := servers.Primary()
	second, err := servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "replica"})
	must(t, err)
	t.Setenv("PG_CANARY_PRIMARY_DSN", primary)
	t.Setenv("PG_CANARY_REPLICA_DSN", second.DSN("canary", marked, "postgres"))
	picture := filepath.Join(t.TempDir(), "drill.svg")
	must(t, os.WriteFile(picture, []byte(strings.Repeat("what was there before", 1000)), 0o600))

	live, end := inBackground(t, "drill", "--output=json", "--svg="+picture, "--primary.name=a", "--replica.name=b",
		"--max-outage=0s", "--max-lost=1000", "--max-stale=1h")
	beaten(t, first, "drill")
	must(t, first.Kill())
	must(t, second.Promote(t.Context()))
	beaten(t, second, "drill")
	for !strings.Contains(live.String(), "b acknowledges") { // What the beats showed comes a moment later.
		time.Sleep(time.Millisecond)
	}
	stdout, status := end()

	var report drillReport
	must(t, json.Unmarshal([]byte(stdout), &report))
	failover := 0 // On a busy machine, there may be outages beside it in which commits wait.
	for _, o := range report.Outages {
		if o.Before.Node == "a" && o.After.Node == "b" {
			failover++
		}
	}
	if failover != 1 || report.Beats.Acknowledged == 0 || report.Beats.Refused+report.Beats.GivenUp == 0 {
		t.Errorf("the report is\n%s", stdout)
	}
	if len(report.Takeovers) != 1 || report.Takeovers[0].From.Node != "a" || report.Takeovers[0].To.Node != "b" || report.Takeovers[0].To.Timeline != 2 {
		t.Errorf("takeovers: %+v", report.Takeovers)
	}
	if len(report.Nodes) != 2 || report.Nodes[1].Condition != "primary" {
		t.Errorf("nodes: %+v", report.Nodes)
	}
	if status != 1 || len(report.Exceeded) != 1 || report.Exceeded[0].Limit != "--max-outage" ||
		!strings.Contains(live.String(), "--max-outage was not kept: nobody could write for") {
		t.Errorf("status %d, exceeded %+v\n%s", status, report.Exceeded, live)
	}
	for _, want := range []string{"outage began: a (", "b took over from a, timeline 2"} {
		if !strings.Contains(live.String(), want) {
			t.Errorf("%q is not in\n%s", want, live)
		}
	}
	if strings.Contains(live.String(), " ok ") {
		t.Errorf("a bar was shown where there is no terminal:\n%s", live)
	}
	drawn, err := os.ReadFile(picture)
	must(t, err)
	if text := string(drawn); !strings.HasPrefix(text, "<svg ") || !strings.HasSuffix(text, "</svg>\n") {
		t.Errorf("the picture is\n%s", text)
	}
}

// TestDrillInPeace has nothing happen.
func TestDrillInPeace(t *testing.T) {
	servers, primary := prepared(t)
	t.Setenv("PG_CANARY_PRIMARY_DSN", primary)
	t.Run("within the limits", func(t *testing.T) {
		stdout, stderr, status := runWith(t, "drill", "--for=300ms", "--max-lost=0", "--max-stale=1h", "--probe.timeout=30s")
		if status != 0 || !strings.HasPrefix(stdout, "Drill of ") || !strings.Contains(stdout, "Lost: none of") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
	t.Run("its own section", func(t *testing.T) {
		var others int64
		must(t, servers.Primary().QueryRow(t.Context(), "SELECT sum(capacity) FROM canary.section WHERE name <> 'drill'", &others))
		if others != 0 {
			t.Errorf("%d beats were written to the exporter's section", others)
		}
	})
	t.Run("not recovered", func(t *testing.T) {
		_, stderr, status := runWith(t, "drill", "--for=100ms", "--until-recovered")
		if status != 1 || !strings.Contains(stderr, "--until-recovered was not kept") {
			t.Errorf("status %d\n%s", status, stderr)
		}
	})
	t.Run("no section", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "drill.svg")
		stdout, stderr, status := runWith(t, "drill", "--section=rehearsal", "--max-lost=0", "--svg="+file)
		if status != 2 || stdout != "" || !strings.Contains(stderr, "setup --canary.section=rehearsal") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("an empty picture was left behind: %v", err)
		}
	})
	t.Run("no section of the default name", func(t *testing.T) {
		must(t, servers.Primary().Exec(t.Context(), "DELETE FROM canary.section WHERE name = 'drill'"))
		_, stderr, status := runWith(t, "drill")
		if status != 2 || !strings.Contains(stderr, `no row "drill"`) || !strings.Contains(stderr, "run `pg_canary_exporter setup") {
			t.Errorf("status %d\n%s", status, stderr)
		}
	})
	t.Run("no primary", func(t *testing.T) {
		must(t, servers.Primary().Stop(t.Context(), pgcluster.Fast))
		_, stderr, status := runWith(t, "drill", "--for=1s")
		if status != 2 || !strings.Contains(stderr, "the drill could not begin: no beat was acknowledged") || !strings.Contains(stderr, "is PostgreSQL running there") {
			t.Errorf("status %d\n%s", status, stderr)
		}
	})
}

func TestMistakesInDrills(t *testing.T) {
	const dsn = "--primary.dsn=postgres://canary:" + marked + "@db/app"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no primary":               {nil, "give --primary.dsn"},
		"too fast":                 {[]string{dsn, "--interval=1ms"}, "--interval=1ms: give one from 5ms to 1s"},
		"too slow":                 {[]string{dsn, "--interval=2s"}, "give one from 5ms to 1s"},
		"no section":               {[]string{dsn, "--section="}, "--section: "},
		"a time below 0":           {[]string{dsn, "--for=-1s"}, "--for=-1s is below 0"},
		"a limit below 0":          {[]string{dsn, "--max-outage=-1s"}, "it is below 0"},
		"a limit without a unit":   {[]string{dsn, "--max-stale=30"}, "missing unit"},
		"a number that is none":    {[]string{dsn, "--max-lost=few"}, `"few" is not a number from 0 on`},
		"a format that is none":    {[]string{dsn, "--output=xml"}, "must be one of text,json"},
		"a picture without a home": {[]string{dsn, "--svg=" + filepath.Join(t.TempDir(), "none", "drill.svg")}, "--svg: "},
	} {
		_, stderr, status := runWith(t, append([]string{"drill"}, test.args...)...)
		if status != 2 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: status %d and %q, want 2 and %q", name, status, stderr, test.want)
		}
	}
}

// TestGivenLimits tells a limit of 0 from none.
func TestGivenLimits(t *testing.T) {
	t.Setenv("PG_CANARY_DRILL_MAX_STALE", "0s")
	o := newOptions()
	if _, err := o.app.Parse([]string{"drill", "--max-lost=0"}); err != nil {
		t.Fatal(err)
	}
	limits := o.drill.limits
	if limits.MaxLost == nil || *limits.MaxLost != 0 || limits.MaxStale == nil || *limits.MaxStale != 0 || limits.MaxOutage != nil {
		t.Errorf("%+v", limits)
	}
}
