package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
)

// running are the clusters that an exporter probes.
type running struct {
	*fleet.Fleet
	// reloader keeps them as a configuration file says; nil where flags do.
	reloader *fleet.Reloader
	// single is the name of the flags' cluster; "" for those of a file.
	single string
}

// start starts the clusters that the flags or the configuration file describe.
func (o *options) start(logger log.Logger) (running, error) {
	if o.configFile == "" {
		return o.startSingle(logger)
	}
	if err := o.checkConfigFlags(); err != nil {
		return running{}, err
	}
	if err := pgnode.CheckEnvironment(); err != nil {
		return running{}, err
	}
	spareMemory()
	f := fleet.New(func(cluster string) log.Logger { return log.With(logger, "cluster", cluster) })
	reloader := fleet.NewReloader(o.configFile, f, logger)
	if err := reloader.Reload(); err != nil {
		return running{}, err
	}
	return running{f, reloader, ""}, nil
}

// fleetGC is GOGC with a configuration file: what a thousand clusters have in use is small, and what waits to be
// collected beside it would be as much again.
const fleetGC = 25

// spareMemory has garbage collected sooner, unless the environment says how soon.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(fleetGC)
	}
}

// startSingle starts the cluster of the flags.
func (o *options) startSingle(logger log.Logger) (running, error) {
	if o.configWatch || o.enableLifecycle {
		return running{}, errors.New("--config.watch and --web.enable-lifecycle are of no use without --config.file: remove them, or give a file")
	}
	described, err := o.configuration()
	if err != nil {
		return running{}, err
	}
	f := fleet.New(func(string) log.Logger { return logger })
	f.ConnectAhead()
	if _, err := f.Apply(described); err != nil {
		return running{}, err
	}
	names := f.Member(o.ownCluster()).Names()
	_ = level.Info(logger).Log("msg", "Probing the cluster of the flags", "nodes", strings.Join(names, " "))
	return running{f, nil, o.ownCluster()}, nil
}

// checkConfigFlags refuses flags that say what the configuration file says.
func (o *options) checkConfigFlags() error {
	if o.primaryDSN != "" || len(o.replicaDSNs) > 0 || o.primaryName != "" || len(o.replicaNames) > 0 || o.clusterName != "" || len(o.freshConnections) > 0 {
		return errors.New("--config.file describes the clusters: remove --primary.dsn, --replica.dsn, --primary.name, --replica.name, --cluster.name " +
			"and --probe.fresh-connection, and their variables, or the file")
	}
	if o.settings != config.Defaults() {
		return errors.New("--config.file describes how clusters are probed: put what the flags --canary.section, --probe.wait, --probe.synced-within, " +
			"--probe.timeout, --probe.min-interval, --probe.synchronous-commit and --pulse.interval say, or their variables, into its defaults")
	}
	if o.probeTimeoutOff < 0 {
		return fmt.Errorf("--probe.timeout-offset=%v must not be below 0: give a time such as 250ms", o.probeTimeoutOff)
	}
	return nil
}

// own is what is published of the clusters as a whole, and of their configuration file; nothing where flags describe the cluster.
func (r running) own() []prometheus.Collector {
	if r.reloader == nil {
		return nil
	}
	return []prometheus.Collector{r.Fleet, r.reloader}
}
