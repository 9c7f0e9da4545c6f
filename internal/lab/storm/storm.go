//go:build unix

// Package storm scrapes one exporter as nobody should: the exporter's own server and fleet, in this process, on simulated
// servers that hang, go and come back, while its configuration is exchanged again and again and clients leave at random
// moments. Each answer that is complete is judged by what the simulated servers really did, and what is left when all is
// calm again is counted.
package storm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// Options are how much of a storm it is.
type Options struct {
	// Scrapes is how many scrapes of clusters are made, of Clusters, by so many Clients at the same time.
	Scrapes, Clusters, Clients int
	// Seed is that of what clients, servers and configurations do; 0 is a new one.
	Seed uint64
}

// patience is how long the exporter may take for what is bound to come, such as that all is well again.
const patience = time.Minute

// replicas is how many each cluster has.
const replicas = 2

// parts is in how many of them the scrapes are made; what is left after each is counted.
const parts = 3

// Run makes the scrapes, and says what they were and what is left. The error is [lab.ErrUntrue] where an answer was wrong, or
// something is left that should not be.
func Run(ctx context.Context, options Options, out io.Writer) (err error) {
	if options.Scrapes < parts || options.Clusters < 1 || options.Clients < 1 {
		return errors.New("give at least three scrapes, a cluster and a client")
	}
	if options.Seed == 0 {
		options.Seed = rand.Uint64() //nolint:gosec // It is no secret.
	}
	servers, err := simulate.Start(simulate.Options{Clusters: options.Clusters, Replicas: replicas})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	s := &storm{Options: options, servers: servers, book: newBook(servers.Clusters), out: out}
	s.tally.out = out
	lab.Say(out, "%d scrapes of %d clusters by %d clients, seed %d", options.Scrapes, options.Clusters, options.Clients, options.Seed)
	if s.exporter, err = startExporter(servers.Clusters); err != nil { //nolint:contextcheck // It runs until it is stopped.
		return err
	}
	err = s.run(ctx)
	err = errors.Join(err, s.exporter.stop()) //nolint:contextcheck // It takes its own time.
	if err == nil {
		err = s.gone(ctx)
	}
	return err
}

// storm is one that is under way.
type storm struct {
	Options
	servers  *simulate.Fleet
	exporter *exporter
	book     *book
	out      io.Writer
	tally    tally
}

// run makes the scrapes part by part, and compares what is left.
func (s *storm) run(ctx context.Context) error {
	before, err := s.calm(ctx, nil)
	if err != nil {
		return err
	}
	lab.Say(s.out, "before the storm: %v", before)
	var after []left
	for part := range parts {
		if err := s.blow(ctx, part); err != nil {
			return err
		}
		now, err := s.calm(ctx, &before)
		if err != nil {
			return err
		}
		after = append(after, now)
		lab.Say(s.out, "%v\nafter part %d of %d: %v", &s.tally, part+1, parts, now)
	}
	if grown := after[parts-1].grownFrom(after[0]); grown != "" {
		s.tally.blame("from the first part to the last, %s", grown)
	}
	if panics := s.exporter.log.panics.Load(); panics > 0 {
		s.tally.blame("the exporter's server logged %d panics", panics)
	}
	if unknown := s.servers.Count().Unknown; unknown > 0 {
		s.tally.blame("%d statements were of no kind that a simulated server knows", unknown)
	}
	return s.tally.verdict()
}

// blow makes one part of the scrapes, while servers and configurations change.
func (s *storm) blow(ctx context.Context, part int) error {
	weather, end := context.WithCancel(ctx)
	defer end()
	var changing, scraping sync.WaitGroup
	errs := make([]error, 2)
	changing.Go(func() { errs[0] = lab.Ended(weather, s.disturb(weather, s.random(part, -1))) })
	changing.Go(func() { errs[1] = lab.Ended(weather, s.reconfigure(weather, s.random(part, -2))) })
	share := (s.Scrapes*(part+1)/parts - s.Scrapes*part/parts)
	for n := range s.Clients {
		mine := share*(n+1)/s.Clients - share*n/s.Clients
		scraping.Go(func() {
			c := newClient(s, s.random(part, n))
			defer c.close()
			for range mine {
				if ctx.Err() != nil {
					return
				}
				c.act(ctx)
			}
		})
	}
	scraping.Wait()
	end()
	changing.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// random returns the source of what someone does in one part.
func (s *storm) random(part, who int) *rand.Rand {
	return rand.New(rand.NewPCG(s.Seed, uint64(part*1_000_000+who+10))) //nolint:gosec // It is no secret.
}

// calm has all servers well and the first configuration in force, waits until every cluster is well in all scrapes, and until no
// more is left than before, where that is given. It returns what is left.
func (s *storm) calm(ctx context.Context, before *left) (left, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took more than a minute until all was calm"))
	defer cancel()
	for _, c := range s.servers.Clusters {
		for _, server := range c.Servers() {
			server.SetReplay(0)
			if err := server.Set(simulate.Normal); err != nil {
				return left{}, err
			}
		}
	}
	if err := s.apply(ctx, firstState(s.servers.Clusters)); err != nil {
		return left{}, err
	}
	c := newClient(s, s.random(parts, 0))
	defer c.close()
	for _, name := range s.book.names() {
		if err := until(ctx, "cluster "+name+" is well", func() bool { return c.well(ctx, name) }); err != nil {
			return left{}, err
		}
	}
	return s.settled(ctx, c, before)
}

// until waits until something is so.
func until(ctx context.Context, what string, is func() bool) error {
	for !is() {
		if err := lab.Sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}
