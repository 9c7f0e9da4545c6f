//go:build unix

package main

import (
	"context"
	"io"
	"runtime"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/accuracy"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/bench"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/compare"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/dashboards"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/demo"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/drills"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/guides"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/release"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/soak"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/soakcheck"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/storm"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// runner runs a command whose flags have been parsed.
type runner func(ctx context.Context, out io.Writer) error

// newApplication returns the application and its commands by their full names.
func newApplication() (*kingpin.Application, map[string]runner) {
	app := kingpin.New(name, "The laboratory of pg_canary_exporter: it shows, measures and tries the exporter on servers of its own.")
	app.HelpFlag.Short('h')
	commands := map[string]runner{}
	for _, add := range []func(*kingpin.Application) (*kingpin.CmdClause, runner){
		demoCommand, installCommand, benchCommand, accuracyCommand, compareCommand, drillsCommand, fleetCommand, stormCommand,
		dashboardsCommand, guidesCommand, licencesCommand, packagesCommand,
	} {
		clause, run := add(app)
		commands[clause.FullCommand()] = run
	}
	addSoak(app, commands)
	return app, commands
}

func demoCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("demo", "Run the exporter on a primary and replicas, and print what it sees."), demo.Options{}
	c.Flag("listen", "Address of the metrics.").Default(server.DefaultAddress).StringVar(&o.Listen)
	c.Flag("replicas", "How many replicas.").Default("1").IntVar(&o.Replicas)
	c.Flag("load", "Write heavily now and then, so that the replicas lag.").BoolVar(&o.Load)
	c.Flag("pause", "Pause the replay of the last replica now and then.").BoolVar(&o.Pause)
	c.Flag("failover", "Kill the primary after 20 s, promote a replica, clone the old primary again as a replica of that, and so on.").BoolVar(&o.Failover)
	c.Flag("interval", "How often to print what a probe sees.").Default("3s").DurationVar(&o.Interval)
	return c, func(ctx context.Context, out io.Writer) error { return demo.Run(ctx, o, out) }
}

func installCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, tools := app.Command("install", "Find what the tests and the demo stand on, and install what is missing."), []string(nil)
	c.Arg("tool", "What to install: "+strings.Join(install.Names(), ", ")+".").Default("postgres").StringsVar(&tools)
	return c, func(ctx context.Context, out io.Writer) error { return install.Ensure(ctx, out, tools...) }
}

func benchCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("bench", "Compare a scrape with its floor."), bench.Options{}
	c.Flag("rounds", "How often each is measured.").Default("2000").IntVar(&o.Rounds)
	c.Flag("replicas", "Replicas of the second table.").Default("8").IntVar(&o.Replicas)
	c.Flag("scrapes", "Scrapes of the healthy pair in which alarms are counted.").Default("10000").IntVar(&o.Scrapes)
	c.Flag("rest", "For how long to measure what the pulse costs.").Default("1m").DurationVar(&o.Rest)
	return c, func(ctx context.Context, out io.Writer) error { return bench.Run(ctx, o, out) }
}

func accuracyCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("accuracy", "Compare what the exporter measures with known delays."), accuracy.Options{}
	c.Flag("share", "Share of the probes to make, such as 0.1.").Default("1").Float64Var(&o.Share)
	c.Flag("only", "Run the scenarios that have this in their names.").PlaceHolder("TEXT").StringVar(&o.Only)
	return c, func(ctx context.Context, out io.Writer) error { return accuracy.Run(ctx, o, out) }
}

func compareCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("compare", "Compare what exporters say about one cluster."), compare.Options{}
	c.Flag("pace", "Share of each situation's length to take, such as 0.1.").Default("1").Float64Var(&o.Pace)
	return c, func(ctx context.Context, out io.Writer) error { return compare.Run(ctx, o, out) }
}

func drillsCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("drills", "Put the command drill through failovers in a row, and compare its reports with the tables. Exit status 1: one is wrong."), drills.Options{}
	c.Flag("drills", "How many.").Default("50").IntVar(&o.Drills)
	c.Flag("seed", "Seed of the order of the changes; 0: a new one.").Uint64Var(&o.Seed)
	return c, func(ctx context.Context, out io.Writer) error { return drills.Run(ctx, o, out) }
}

func fleetCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("fleet", "Measure one exporter with many clusters of simulated servers, scraped by a real Prometheus."), fleet.Options{}
	c.Flag("only", "Measure the scenarios that have this in their names: "+strings.Join(fleet.Names(), ", ")+".").PlaceHolder("TEXT").StringVar(&o.Only)
	c.Flag("clusters", "The most clusters; the sizes are 1, 10, 100… up to them.").Default("1000").IntVar(&o.Clusters)
	c.Flag("replicas", "Replicas of each cluster.").Default("2").IntVar(&o.Replicas)
	c.Flag("minutes", "For how long to measure the most clusters; the others, and before and with faults, a quarter of it.").Default("20").Float64Var(&o.Minutes)
	c.Flag("interval", "Interval of the scrapes.").Default("15s").DurationVar(&o.Interval)
	c.Flag("away", "For how long all servers are gone.").Default("1m").DurationVar(&o.Away)
	c.Flag("pairs", "Real pairs that simulated ones are compared with; 0: none.").Default("8").IntVar(&o.Pairs)
	c.Flag("svg", "Draw the sizes in this file.").PlaceHolder("FILE").StringVar(&o.SVG)
	c.Flag("exporter", "An exporter that was built before, such as that of a release.").PlaceHolder("PATH").StringVar(&o.Exporter)
	c.Flag("postgres-exporter", "That program, to be measured on the same servers.").PlaceHolder("PATH").StringVar(&o.PostgresExporter)
	return c, func(ctx context.Context, out io.Writer) error { return fleet.Run(ctx, o, out) }
}

func dashboardsCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("dashboards", "Measure how long a real Prometheus takes for each query of the dashboards, on made-up clusters. Exit status 1: one takes too long."), dashboards.Options{}
	c.Flag("clusters", "How many, each of a primary and two replicas.").Default("100").IntVar(&o.Clusters)
	c.Flag("range", "The range shown, all of which there are samples of.").Default("24h").DurationVar(&o.Range)
	c.Flag("interval", "Interval of the scrapes.").Default("15s").DurationVar(&o.Interval)
	c.Flag("rounds", "How often each query is asked.").Default("5").IntVar(&o.Rounds)
	c.Flag("limit", "The most of a core's time that a query may take.").Default("300ms").DurationVar(&o.Limit)
	c.Flag("keep", "Keep what was made up in this directory, and use it again where it is there.").PlaceHolder("DIR").StringVar(&o.Keep)
	c.Flag("unrecorded", "Ask a Prometheus that does not have the recording rules.").BoolVar(&o.Unrecorded)
	c.Flag("dashboards", "Directory of the dashboards.").Default("dashboards").StringVar(&o.Dashboards)
	return c, func(ctx context.Context, out io.Writer) error { return dashboards.Run(ctx, o, out) }
}

func stormCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("storm", "Scrape simulated clusters whose servers break, while clients leave and the configuration changes, and judge every answer. "+
		"Exit status 1: one is wrong, or something is left."), storm.Options{}
	c.Flag("scrapes", "How many.").Default("100000").IntVar(&o.Scrapes)
	c.Flag("clusters", "Clusters of a primary and two replicas.").Default("20").IntVar(&o.Clusters)
	c.Flag("clients", "How many scrape at the same time.").Default("64").IntVar(&o.Clients)
	c.Flag("seed", "Seed of what clients, servers and configurations do; 0: a new one.").Uint64Var(&o.Seed)
	return c, func(ctx context.Context, out io.Writer) error { return storm.Run(ctx, o, out) }
}

func licencesCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, file := app.Command("licences", "Say under which licence each module is that the exporter holds. Exit status 1: one may not be in there."), ""
	c.Flag("write", "Write their texts to this file.").PlaceHolder("FILE").StringVar(&file)
	return c, func(ctx context.Context, out io.Writer) error { return release.Licences(ctx, file, out) }
}

func packagesCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("packages", "Make the packages for Linux as .goreleaser.yaml describes them, without goreleaser."), release.Options{}
	// Not version, for which kingpin leaves out the defaults of all flags.
	c.Flag("release", "Version of the release.").PlaceHolder("VERSION").Required().StringVar(&o.Version)
	c.Flag("arch", "Architecture, as Go calls it.").Default(runtime.GOARCH).StringVar(&o.Arch)
	c.Flag("out", "Directory of the packages.").Required().StringVar(&o.Out)
	c.Flag("nfpm", "The program nfpm.").Required().StringVar(&o.NFPM)
	c.Flag("program", "An exporter that was built before.").PlaceHolder("PATH").StringVar(&o.Program)
	return c, func(ctx context.Context, out io.Writer) error { return release.Packages(ctx, o, out) }
}

func guidesCommand(app *kingpin.Application) (*kingpin.CmdClause, runner) {
	c, o := app.Command("guides", "Run the commands of the pages in docs/guides, and compare what they print with the pages. Exit status 1: something else is seen."), guides.Options{}
	c.Arg("name", "A page, without the ending; none: all.").StringsVar(&o.Names)
	c.Flag("write", "Put what is printed into the pages.").BoolVar(&o.Write)
	c.Flag("limit", "How long a page may take.").Default("5m").DurationVar(&o.Limit)
	c.Flag("show", "Print all that the commands print.").BoolVar(&o.Show)
	return c, func(ctx context.Context, out io.Writer) error { return guides.Run(ctx, o, out) }
}

// addSoak adds `soak`, which writes a history unless it is told to check one.
func addSoak(app *kingpin.Application, commands map[string]runner) {
	parent, o, file := app.Command("soak", "Probe for a long time under load and faults."), soak.Options{}, ""
	run := parent.Command("run", "Write the history of many probes. This is what runs when neither is named.").Default()
	run.Flag("probes", "How many of the pair, at least.").Default("100000").IntVar(&o.Probes)
	run.Flag("failovers", "How often to make each kind of failover, switchover and split brain; 0: none.").Default("15").IntVar(&o.Failovers)
	run.Flag("history", "File to write.").Required().StringVar(&o.History)
	run.Flag("seed", "Seed of the faults' order and lengths; 0: a new one.").Uint64Var(&o.Seed)
	run.Flag("wait", "The exporter's --probe.wait.").Default(rig.Config().Wait.String()).DurationVar(&o.Wait)
	run.Flag("pulse", "The exporter's --pulse.interval; 0: none.").Default("0s").DurationVar(&o.Pulse)
	run.Flag("quiet-time", "Longest time without a fault.").Default("2s").DurationVar(&o.Quiet)
	run.Flag("fault-time", "Longest time of a fault.").Default("1500ms").DurationVar(&o.Fault)
	commands[run.FullCommand()] = func(ctx context.Context, out io.Writer) error { return soak.Run(ctx, o, out) }
	check := parent.Command("check", "Judge a history. Exit status 1: something in it is wrong.")
	check.Arg("history", "The file that soak has written.").Required().StringVar(&file)
	commands[check.FullCommand()] = func(_ context.Context, out io.Writer) error { return soakcheck.Run(file, out) }
}
