//go:build unix

package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// disturb breaks servers and mends them again, until ctx ends.
func (s *storm) disturb(ctx context.Context, random *rand.Rand) error {
	modes := []simulate.Mode{simulate.Normal, simulate.Normal, simulate.Hung, simulate.Refusing, simulate.Gone}
	delays := []time.Duration{0, 0, 5 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond}
	for ctx.Err() == nil {
		cluster := s.servers.Clusters[random.IntN(len(s.servers.Clusters))]
		server := cluster.Servers()[random.IntN(1+replicas)]
		mode := modes[random.IntN(len(modes))]
		server.SetReplay(delays[random.IntN(len(delays))])
		s.tally.note(func(t *figures) { t.faults[mode]++ })
		if err := server.Set(mode); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, time.Duration(random.IntN(300))*time.Millisecond); err != nil {
			return err
		}
		if random.IntN(8) > 0 { // Some stay so until they are met again.
			if err := server.Set(simulate.Normal); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// reconfigure puts other configurations into force, and offers broken ones, until ctx ends.
func (s *storm) reconfigure(ctx context.Context, random *rand.Rand) error {
	now := firstState(s.servers.Clusters)
	for {
		if err := lab.Sleep(ctx, time.Duration(random.IntN(200))*time.Millisecond); err != nil {
			return err
		}
		if random.IntN(4) == 0 {
			if err := s.refused(ctx, broken(now.text(), random)); err != nil {
				return err
			}
			continue
		}
		now = now.changed(random)
		if err := s.apply(ctx, now); err != nil {
			return err
		}
	}
}

// apply puts a configuration into force. It is not cut off in the middle.
func (s *storm) apply(ctx context.Context, next state) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.exporter.write(next.text()); err != nil {
		return err
	}
	done := s.book.begin(next)
	status, err := s.exporter.reload(ctx, s.reloads())
	if err != nil {
		return err
	}
	done()
	if status != http.StatusOK {
		return fmt.Errorf("a reload was answered with %d: %s", status, next.text())
	}
	s.tally.note(func(t *figures) { t.reloads++ })
	return nil
}

// refused offers a configuration that cannot be used.
func (s *storm) refused(ctx context.Context, text string) error {
	if err := s.exporter.write(text); err != nil {
		return err
	}
	status, err := s.exporter.reload(context.WithoutCancel(ctx), s.reloads())
	if err != nil {
		return err
	}
	s.tally.note(func(t *figures) { t.refused++ })
	if status != http.StatusInternalServerError {
		s.tally.blame("a broken configuration was answered with %d: %s", status, text)
	}
	return nil
}

// reloads is the client that asks for reloads.
func (s *storm) reloads() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}
