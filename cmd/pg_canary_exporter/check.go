package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/report"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// check runs one probe, or one after the other with --watch, and prints it.
func check(ctx context.Context, o *options, stdout, stderr io.Writer) error {
	cluster, err := o.cluster()
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = cluster.Close(bounded) // There is nobody left to tell.
	}()
	// A single probe has none before it whose connections it could use.
	connecting, cancel := context.WithTimeout(ctx, o.settings.Timeout/2)
	defer cancel()
	cluster.Connect(connecting)
	for {
		verdict, err := checkOnce(ctx, o, cluster, stdout, stderr)
		if err != nil {
			return err
		}
		if !o.checkWatch || !sleep(ctx, o.checkWatchInterval) {
			return exitErrorFor(verdict)
		}
	}
}

// checkGrace is how long a probe is waited for that uses its time up.
const checkGrace = time.Second

func checkOnce(ctx context.Context, o *options, cluster *probe.Cluster, stdout, stderr io.Writer) (report.Verdict, error) {
	// An interrupt lets the running probe end, as a scrape's does.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.settings.Timeout+checkGrace)
	defer cancel()
	result := cluster.Probe(bounded)
	show := report.Table
	if o.checkOutput == "json" {
		show = o.showJSON
	}
	if err := show(stdout, result); err != nil {
		return "", fmt.Errorf("writing the result: %w", err)
	}
	return report.VerdictOn(result, o.checkNoReplica), report.Reasons(stderr, result, o.checkNoReplica)
}

// showJSON writes a result as /api/v1/clusters/NAME has it.
func (o *options) showJSON(w io.Writer, r *probe.Result) error {
	known := collector.Known{Last: r, Close: r, By: collector.ByHand}
	for i := range r.Nodes {
		known.Nodes = append(known.Nodes, r.Nodes[i].Name)
	}
	c := &status.Cluster{Name: o.ownCluster(), Known: known, Now: known.At()}
	return report.JSON(w, report.NewDocument(c, o.checkNoReplica))
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// exitErrorFor returns nil for synced; the reasons have been printed already.
func exitErrorFor(verdict report.Verdict) error {
	if verdict == report.Synced {
		return nil
	}
	return &statusError{status: verdict.ExitStatus(), err: errors.New(string(verdict))}
}
