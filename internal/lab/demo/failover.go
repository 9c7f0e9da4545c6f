//go:build unix

package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

const (
	// pulse is the exporter's interval of canaries, and so how exactly it times an outage.
	pulse = 100 * time.Millisecond
	// scrapeEvery is the time between two looks at what the exporter says.
	scrapeEvery = 250 * time.Millisecond
	// askEvery is the time between two questions to a server.
	askEvery = 20 * time.Millisecond
)

// failOverNowAndThen kills the primary, has a standby take over and brings the old
// one back as a standby, again and again.
func (d *demo) failOverNowAndThen(ctx context.Context) error {
	for next := d.Times.Before; ; next = d.Times.Rest {
		if err := lab.Sleep(ctx, next); err != nil {
			return err
		}
		if err := d.failOver(ctx); err != nil {
			return err
		}
	}
}

func (d *demo) failOver(ctx context.Context) error {
	before, err := d.scrape(ctx)
	if err != nil {
		return err
	}
	old, err := d.kill(ctx)
	if err != nil {
		return err
	}
	next, err := d.takeOver(ctx)
	if err != nil {
		return err
	}
	if err := lab.Sleep(ctx, d.Times.Dead); err != nil {
		return err
	}
	d.out.say("Cloning %s as a standby of %s …", old.Name, next.Name)
	if err := d.servers.Servers.Reclone(ctx, old, next); err != nil {
		return err
	}
	d.roles.join(old)
	d.out.say("%s streams from %s. Waiting until all standbys are synced …", old.Name, next.Name)
	after, err := d.waitSynced(ctx, before)
	if err != nil {
		return err
	}
	d.out.say("%s is back, and all standbys of %s have been synced. %s", old.Name, next.Name, cost(before, after))
	d.out.say("Resting for %v until %s is killed. Ctrl-C stops everything.", d.Times.Rest, next.Name)
	return nil
}

// kill kills the primary, and lets it be dead for a while after the exporter has seen it.
func (d *demo) kill(ctx context.Context) (old *pgcluster.Server, err error) {
	old, _, err = d.roles.waitPrimary(ctx)
	if err != nil {
		return nil, err
	}
	d.out.say("Killing primary %s …", old.Name)
	d.roles.setPrimary(nil)
	if err := old.Kill(); err != nil {
		return nil, err
	}
	down := func(now exporter.Samples) bool { return now.Value("pg_canary_up") == 0 }
	if _, err := d.scrapeUntil(ctx, down); err != nil {
		return nil, err
	}
	return old, lab.Sleep(ctx, d.Times.Down)
}

// takeOver promotes the standby that has got the most from the dead primary, and
// makes the others follow it.
func (d *demo) takeOver(ctx context.Context) (*pgcluster.Server, error) {
	next, err := furthest(ctx, d.roles.list())
	if err != nil {
		return nil, err
	}
	d.roles.leave(next)
	// They go first, so that it keeps the WAL for them that it has now.
	others := d.roles.list()
	if len(others) > 0 {
		d.out.say("Making %s follow %s …", namesOf(others), next.Name)
	}
	for _, other := range others {
		if err := other.Follow(ctx, next, ""); err != nil {
			return nil, err
		}
	}
	d.out.say("Promoting %s …", next.Name)
	if err := next.Promote(ctx); err != nil {
		return nil, err
	}
	d.roles.setPrimary(next)
	return next, nil
}

// furthest returns the standby that has got the most WAL, of equals the first. The
// primary is dead; what it sent last may not have been read yet.
func furthest(ctx context.Context, standbys []*pgcluster.Server) (best *pgcluster.Server, err error) {
	most := int64(-1)
	for _, standby := range standbys {
		for receiving := true; receiving; {
			if err := standby.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')", &receiving); err != nil {
				return nil, err
			}
			if err := lab.Sleep(ctx, askEvery); err != nil {
				return nil, err
			}
		}
		var got int64
		err := standby.QueryRow(ctx, "SELECT (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0')::bigint", &got)
		if err != nil {
			return nil, err
		}
		if got > most {
			best, most = standby, got
		}
	}
	return best, nil
}

// scrape scrapes until the exporter answers. What keeps it from that is said.
func (d *demo) scrape(ctx context.Context) (exporter.Samples, error) {
	for {
		samples, err := d.exporter.Scrape(ctx)
		if err == nil || ctx.Err() != nil {
			return samples, err
		}
		d.out.say("The exporter was scraped in vain: %v", err)
		if err := lab.Sleep(ctx, scrapeEvery); err != nil {
			return samples, err
		}
	}
}

// scrapeUntil scrapes until what is shown is what is waited for.
func (d *demo) scrapeUntil(ctx context.Context, reached func(exporter.Samples) bool) (exporter.Samples, error) {
	for {
		samples, err := d.scrape(ctx)
		if err != nil || reached(samples) {
			return samples, err
		}
		if err := lab.Sleep(ctx, scrapeEvery); err != nil {
			return samples, err
		}
	}
}

// waitSynced waits until the exporter has seen a takeover since before, and after
// that each standby synced: under load, and with pauses, not all at the same time.
func (d *demo) waitSynced(ctx context.Context, before exporter.Samples) (exporter.Samples, error) {
	behind := d.roles.list()
	return d.scrapeUntil(ctx, func(now exporter.Samples) bool {
		behind = stillBehind(behind, before, now)
		return len(behind) == 0
	})
}

// stillBehind returns those that a scrape does not show synced with a primary that
// took over since before.
func stillBehind(standbys []*pgcluster.Server, before, now exporter.Samples) (left []*pgcluster.Server) {
	written := grown(before, now, "pg_canary_primary_changes_total") > 0 && now.Value("pg_canary_up") == 1
	for _, standby := range standbys {
		if !written || now.Nodes[standby.Name].State != "synced" {
			left = append(left, standby)
		}
	}
	return left
}

// cost says what a failover cost, by the exporter's own metrics.
func cost(before, after exporter.Samples) string {
	const outage, lost = "pg_canary_write_outage_seconds_total", "pg_canary_lost_writes_total"
	return fmt.Sprintf("Nobody could write for %.2f s (%s). Acknowledged commits lost: %.0f (%s).",
		grown(before, after, outage), outage, grown(before, after, lost), lost)
}

func grown(before, now exporter.Samples, counter string) float64 {
	return now.Value(counter) - before.Value(counter)
}

func namesOf(servers []*pgcluster.Server) string {
	names := make([]string, len(servers))
	for i, server := range servers {
		names[i] = server.Name
	}
	return strings.Join(names, ", ")
}
