package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// options are what the flags and their variables say.
type options struct {
	app *kingpin.Application

	primaryDSN       string
	primaryName      string
	replicaDSNs      []string
	replicaNames     []string
	freshConnections []string            // names of nodes
	dropped          map[string][]string // parameters of a node's connection string that mean nothing
	clusterName      string              // "" where not given
	configFile       string
	configWatch      bool
	enableLifecycle  bool
	settings         config.Settings
	probeTimeoutOff  time.Duration
	logLevel         string
	logFormat        string

	web           *web.FlagConfig
	telemetryPath string
	readOnly      bool

	checkOutput        string
	checkNoReplica     bool
	checkWatch         bool
	checkWatchInterval time.Duration

	setupRole         string
	setupPasswordFile string
	setupAdopt        bool
	setupPrint        bool

	drill       drillOptions
	configCheck configCheckOptions
}

func newOptions() *options {
	o := &options{app: kingpin.New(server.Name, "Prometheus exporter for PostgreSQL replication. "+
		"On every scrape it writes a canary value on the primary, reads it back from every replica, and publishes what it saw.\n\n"+
		"Every flag can also be set by an environment variable: --probe.wait by PG_CANARY_PROBE_WAIT, and so on.")}
	o.app.HelpFlag.Short('h')
	o.app.Version(version.Print(server.Name)).VersionFlag.Short('V')
	describeCommands(o.app)
	completeFish(o.app)
	o.clusterFlags()
	o.pulseFlags()
	o.gateFlags()
	o.connectionFlags()
	o.configFlags()
	o.logFlags()
	o.serveFlags()
	o.app.Command("serve", "Answer scrapes over HTTP. This is the default command.").Default()
	o.checkFlags(o.app.Command("check", "Run one probe and print what it saw. Exit status 0: synced, 1: lagging, 2: broken."))
	o.setupFlags(o.app.Command("setup", "Create the schema, the table, the row and the role that the exporter needs. --primary.dsn must be an administrator's."))
	o.drill.flags(o.app.Command("drill", "Send beats at a high rate through a failover and report how long nobody could write, what was lost, and when each replica was back. Exit status 0: within the limits, 1: not, 2: it could not begin."))
	o.configCheck.flags(o.app.Command("config", "Check a configuration file: config check FILE."))
	o.app.Command("healthy", "Ask the exporter that runs on this host whether it is healthy, for a container's health check.").Hidden()
	bindEnvironment(o.app.Model().Flags, o.app.GetFlag)
	return o
}

func (o *options) clusterFlags() {
	defaults := config.Defaults()
	o.app.Flag("primary.dsn", "Connection string of the primary: a postgres:// URL or keyword=value pairs.").
		PlaceHolder("DSN").StringVar(&o.primaryDSN)
	o.app.Flag("replica.dsn", "Connection string of a replica. Repeatable; the environment variable holds one per line.").
		PlaceHolder("DSN").StringsVar(&o.replicaDSNs)
	o.app.Flag("primary.name", "Name of the primary's node in labels and logs (default: host:port of its connection string).").
		PlaceHolder("NAME").StringVar(&o.primaryName)
	o.app.Flag("password-file", "File that holds a password alone, for the connection strings that give none. It is read again for each connection; setup takes the administrator's from it.").
		PlaceHolder("FILE").StringVar(&o.settings.PasswordFile)
	o.app.Flag("replica.name", "The same for a replica, in the order of --replica.dsn. Repeatable; an empty one stands for host:port, and the last may be left out. The environment variable holds one per line.").
		PlaceHolder("NAME").StringsVar(&o.replicaNames)
	o.app.Flag("canary.section", "Name of the row in canary.section that setup creates and this exporter writes.").
		Default(defaults.Section).StringVar(&o.settings.Section)
	o.app.Flag("cluster.name", "Name of the cluster (default: "+pgnode.DefaultCluster+"). setup keeps it with the section if it is given, and an exporter of another name never writes that section.").
		PlaceHolder("NAME").StringVar(&o.clusterName)
	o.app.Flag("probe.timeout", "Longest time that a probe may take. A scraper with a shorter timeout gets what is known by then.").
		Default(defaults.Timeout.String()).DurationVar(&o.settings.Timeout)
	o.app.Flag("probe.timeout-offset", "Subtracted from the scraper's timeout, to leave time for the answer.").
		Default("250ms").DurationVar(&o.probeTimeoutOff)
	o.app.Flag("probe.min-interval", "Scrapes within this time after a probe's start share it, so that more scrapers do not mean more commits. 0: scrapes share a probe only until it has sent its canary.").
		Default(defaults.MinInterval.String()).DurationVar(&o.settings.MinInterval)
	o.app.Flag("probe.wait", "How long to keep reading a replica that does not show the canary yet.").
		Default(defaults.Wait.String()).DurationVar(&o.settings.Wait)
	o.app.Flag("probe.synced-within", "How soon a replica must show the canary to count as synced.").
		Default(defaults.SyncedWithin.String()).DurationVar(&o.settings.SyncedWithin)
	o.app.Flag("probe.synchronous-commit", "synchronous_commit of the canary write. By default the server's own, as an application has it; a commit that waits for a missing standby fails with the reason sync_wait.").
		PlaceHolder("LEVEL").EnumVar(&o.settings.SynchronousCommit, config.SynchronousCommits()...)
}

func (o *options) gateFlags() {
	o.app.Flag("gate", "How /fresh/CLUSTER/NODE finds out how fresh a read is: beat makes a canary where what is known is too old; lsn compares WAL positions and writes nothing. See docs/guides/gate.md.").
		Default(config.Defaults().Gate).EnumVar(&o.settings.Gate, config.Gates()...)
}

func (o *options) pulseFlags() {
	o.app.Flag("pulse.interval", "Send a canary in this interval, "+config.ShortestPulse().String()+" or longer, between the scrapes too, so that outages, lost commits and delays are seen that fall between them. See docs/pulse.md for what it costs. 0: off.").
		Default(config.Defaults().Pulse.String()).DurationVar(&o.settings.Pulse)
}

func (o *options) connectionFlags() {
	o.app.Flag("probe.fresh-connection", "Name of a node that is connected anew for each probe, as a client without a pool is: behind a balancer it may be another server each time. Repeatable; the environment variable holds one per line.").
		PlaceHolder("NODE").StringsVar(&o.freshConnections)
}

func (o *options) configFlags() {
	o.app.Flag("config.file", "Configuration file that describes many clusters, in place of the flags of one; see docs/configuration.md. SIGHUP reads it again.").
		PlaceHolder("FILE").StringVar(&o.configFile)
	o.app.Flag("config.watch", "Read the configuration file again when it has changed.").
		BoolVar(&o.configWatch)
	o.app.Flag("web.enable-lifecycle", "Have POST /-/reload read the configuration file again.").
		BoolVar(&o.enableLifecycle)
}

func (o *options) logFlags() {
	o.app.Flag("log.level", "Log only messages of this level or above: debug, info, warn or error.").
		Default("info").EnumVar(&o.logLevel, "debug", "info", "warn", "error")
	o.app.Flag("log.format", "Format of the log: logfmt or json.").
		Default("logfmt").EnumVar(&o.logFormat, "logfmt", "json")
}

// serveFlags are the application's own, so that its help shows them.
func (o *options) serveFlags() {
	o.web = kingpinflag.AddFlags(o.app, server.DefaultAddress)
	o.app.Flag("web.telemetry-path", "Path under which the metrics are served.").
		Default("/metrics").StringVar(&o.telemetryPath)
	o.app.Flag("web.read-only", "Let nobody probe from a status page: its button Probe now is gone, and only scrapes and the pulse write.").
		BoolVar(&o.readOnly)
}

func (o *options) checkFlags(command *kingpin.CmdClause) {
	command.Flag("output", "Output format: table or json.").Short('o').
		Default("table").Envar(environmentName("output")).EnumVar(&o.checkOutput, "table", "json")
	command.Flag("no-replica", "Do not call it broken that there is no replica.").
		Envar(environmentName("no-replica")).BoolVar(&o.checkNoReplica)
	command.Flag("watch", "Repeat until interrupted.").Short('w').
		Envar(environmentName("watch")).BoolVar(&o.checkWatch)
	command.Flag("watch.interval", "Time to wait between two probes with --watch.").
		Default("2s").Envar(environmentName("watch.interval")).DurationVar(&o.checkWatchInterval)
}

func (o *options) setupFlags(command *kingpin.CmdClause) {
	command.Flag("role", "Login role to create for the exporter.").
		Default("canary").Envar(environmentName("role")).StringVar(&o.setupRole)
	command.Flag("role.password-file", "File that holds the role's password. The variable PG_CANARY_ROLE_PASSWORD can hold it instead.").
		PlaceHolder("FILE").Envar(environmentName("role.password-file")).StringVar(&o.setupPasswordFile)
	command.Flag("role.adopt", "Take over a role that setup did not create: its password, connection limit and rights change. An administrator's role is never taken over.").
		Envar(environmentName("role.adopt")).BoolVar(&o.setupAdopt)
	command.Flag("print", "Print the SQL instead of running it.").
		Envar(environmentName("print")).BoolVar(&o.setupPrint)
}

// describeCommands gives the help a list of the commands with what each does.
// kingpin has either their names alone or all flags of all of them.
func describeCommands(app *kingpin.Application) {
	funcs := manFuncs() // The application has one set for all templates.
	funcs["CommandsToTwoColumns"] = func(commands []*kingpin.CmdModel) (rows [][2]string) {
		for _, command := range commands {
			if !command.Hidden {
				rows = append(rows, [2]string{command.Name, command.Help})
			}
		}
		return rows
	}
	app.UsageFuncs(funcs)
	app.UsageTemplate(strings.Replace(kingpin.CompactUsageTemplate,
		`{{template "FormatCommandList" .App.Commands}}`,
		`{{.App.Commands|CommandsToTwoColumns|FormatTwoColumns}}`, 1))
}

// environmentName returns the name of a flag's environment variable.
func environmentName(flag string) string {
	return "PG_CANARY_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag))
}

// bindEnvironment gives every flag in the list its variable, but those that print something and end.
func bindEnvironment(flags []*kingpin.FlagModel, get func(string) *kingpin.FlagClause) {
	for _, flag := range flags {
		if flag.Name != "help" && flag.Name != "version" && !flag.Hidden {
			get(flag.Name).Envar(environmentName(flag.Name))
		}
	}
}

// logger returns the logger that the flags ask for.
func (o *options) logger(w io.Writer) log.Logger {
	var logger log.Logger
	if w = log.NewSyncWriter(w); o.logFormat == "json" {
		logger = log.NewJSONLogger(w)
	} else {
		logger = log.NewLogfmtLogger(w)
	}
	logger = level.NewFilter(logger, level.Allow(level.ParseDefault(o.logLevel, level.InfoValue())))
	return log.With(logger, "ts", log.DefaultTimestampUTC)
}

// cluster returns the cluster that the flags describe. It does not connect.
func (o *options) cluster() (*probe.Cluster, error) {
	nodes, err := o.nodes()
	if err != nil {
		return nil, err
	}
	return probe.New(fleet.ProbeConfig(o.settings), nodes...), nil
}

// flagOf are the flags of the settings, by their keys in a configuration file.
var flagOf = map[string]string{
	"section": "--canary.section", "wait": "--probe.wait", "synced_within": "--probe.synced-within", "timeout": "--probe.timeout",
	"min_interval": "--probe.min-interval", "pulse": "--pulse.interval", "synchronous_commit": "--probe.synchronous-commit",
	"gate": "--gate",
}

// sayFlag is how a setting is written on the command line.
func sayFlag(key, value string) string {
	if value == "" {
		return flagOf[key]
	}
	return flagOf[key] + "=" + value
}

// checkCluster says what is wrong with the flags of a cluster.
func (o *options) checkCluster() error {
	if o.primaryDSN == "" {
		return errors.New("no primary: give --primary.dsn or PG_CANARY_PRIMARY_DSN, such as postgres://canary@db:5432/postgres")
	}
	if err := pgnode.CheckCluster(o.ownCluster()); err != nil {
		return fmt.Errorf("--cluster.name: %w", err)
	}
	if mistakes := o.settings.Mistakes(sayFlag); len(mistakes) > 0 {
		return errors.New(mistakes[0].Text)
	}
	if o.probeTimeoutOff < 0 {
		return fmt.Errorf("--probe.timeout-offset=%v must not be below 0: give a time such as 250ms", o.probeTimeoutOff)
	}
	return nil
}

// ownCluster is the name of the cluster that an exporter is of.
func (o *options) ownCluster() string { return cmp.Or(o.clusterName, pgnode.DefaultCluster) }
