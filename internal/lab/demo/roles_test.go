//go:build unix

package demo

import (
	"context"
	"errors"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

var errBroken = errors.New("broken")

// TestOnPrimary: what fails on a primary that is lost is done again on the next one.
func TestOnPrimary(t *testing.T) {
	first, second := &pgcluster.Server{Name: "first"}, &pgcluster.Server{Name: "second"}
	for name, test := range map[string]struct {
		during func(r *roles) // the work on the first
		want   string         // whom the work was done on
		err    error
	}{
		"no failover": {func(*roles) {}, "first", errBroken},
		"failover": {func(r *roles) {
			r.setPrimary(nil)
			r.setPrimary(second)
		}, "first second", nil},
		"failover that takes a while": {func(r *roles) {
			r.setPrimary(nil)
			go r.setPrimary(second)
		}, "first second", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := &roles{primary: first, changed: make(chan struct{})}, ""
			err := r.onPrimary(t.Context(), func(_ context.Context, primary *pgcluster.Server) error {
				if primary == second {
					got += " second"
					return nil
				}
				got += "first"
				test.during(r)
				return errBroken
			})
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("done on %s, and ended with %v; want %s and %v", got, err, test.want, test.err)
			}
		})
	}
}

// TestNoPrimary: who waits for one is told when there will be none.
func TestNoPrimary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &roles{primary: &pgcluster.Server{}, changed: make(chan struct{})}
	err := r.onPrimary(ctx, func(context.Context, *pgcluster.Server) error {
		r.setPrimary(nil)
		go cancel()
		return errBroken
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// TestOnStandby: only what is a standby at the moment is worked on.
func TestOnStandby(t *testing.T) {
	one, other := &pgcluster.Server{}, &pgcluster.Server{}
	r, done := &roles{standbys: []*pgcluster.Server{one, other}}, 0
	work := func(*pgcluster.Server) error {
		done++
		return errBroken
	}
	if err := r.onStandby(one, work); !errors.Is(err, errBroken) || done != 1 {
		t.Errorf("on a standby it ended with %v, done %d times", err, done)
	}
	r.leave(one)
	if err := errors.Join(r.onStandby(one, work), r.onStandby(nil, work)); err != nil || done != 1 {
		t.Errorf("on what is none it ended with %v, done %d times", err, done)
	}
	r.join(one)
	if all := r.list(); len(all) != 2 || all[1] != one {
		t.Errorf("the last one that joined is not the last of %d", len(all))
	}
}
