package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/drill"
)

// drillOptions are what the flags of the command drill say.
type drillOptions struct {
	section        string
	interval       time.Duration
	lasts          time.Duration
	untilRecovered bool
	output         string
	svg            string
	limits         drill.Limits
}

func (o *drillOptions) flags(command *kingpin.CmdClause) {
	flag := func(name, help string) *kingpin.FlagClause {
		return command.Flag(name, help).Envar(environmentName("drill." + name))
	}
	flag("interval", fmt.Sprintf("Time between two beats, from %v to %v.", shortestBeat, longestBeat)).Default("20ms").DurationVar(&o.interval)
	flag("section", "Name of the row in canary.section that the drill writes: one of its own, so that the exporter's is not disturbed. setup creates the default one.").
		Default(pgnode.DrillSection).StringVar(&o.section)
	flag("for", "How long the drill lasts. Without it, until it is interrupted.").PlaceHolder("DURATION").DurationVar(&o.lasts)
	flag("until-recovered", "End the drill when the cluster has recovered from an outage or a takeover. Exit status 1 when it has not by the time that --for says.").
		BoolVar(&o.untilRecovered)
	flag("output", "Format of the report: text or json.").Short('o').Default("text").EnumVar(&o.output, "text", "json")
	flag("svg", "Write the timeline as a picture too.").PlaceHolder("FILE").StringVar(&o.svg)
	flag("max-outage", "Exit status 1 when nobody could write for longer.").PlaceHolder("DURATION").SetValue(optionalDuration{&o.limits.MaxOutage})
	flag("max-lost", "Exit status 1 when more acknowledged beats are lost, or at risk.").PlaceHolder("NUMBER").SetValue(optionalCount{&o.limits.MaxLost})
	flag("max-stale", "Exit status 1 when a read on a replica missed what had been acknowledged for longer.").
		PlaceHolder("DURATION").SetValue(optionalDuration{&o.limits.MaxStale})
}

// Of the beats. A pulse that is faster than this waits for the reads that look for the beats before.
const (
	shortestBeat = 5 * time.Millisecond
	longestBeat  = time.Second
)

// check says what is wrong with the flags.
func (o *drillOptions) check() error {
	if err := pgnode.CheckSection(o.section); err != nil {
		return fmt.Errorf("--section: %w", err)
	}
	switch {
	case o.interval < shortestBeat || o.interval > longestBeat:
		return fmt.Errorf("--interval=%v: give one from %v to %v", o.interval, shortestBeat, longestBeat)
	case o.lasts < 0:
		return fmt.Errorf("--for=%v is below 0: give a time such as 5m, or none", o.lasts)
	}
	return nil
}

// drillRun returns how the drill is run.
func (o *options) drillRun(live io.Writer) drill.Options {
	terminal := isTerminal(live)
	return drill.Options{
		Interval: o.drill.interval, For: o.drill.lasts, UntilRecovered: o.drill.untilRecovered,
		SyncedWithin: o.settings.SyncedWithin, Timeout: o.settings.Timeout,
		Live: live, Bars: terminal, Colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// optionalDuration is a time of which it matters whether it was given: 0 is one too.
type optionalDuration struct{ to **time.Duration }

// Set parses it.
func (v optionalDuration) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	if d < 0 {
		return errors.New("it is below 0")
	}
	*v.to = &d
	return nil
}

// String returns it, "" where it was not given.
func (v optionalDuration) String() string {
	if v.to == nil || *v.to == nil {
		return ""
	}
	return (*v.to).String()
}

// optionalCount is the same for a number.
type optionalCount struct{ to **int64 }

// Set parses it.
func (v optionalCount) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number from 0 on", text)
	}
	*v.to = &n
	return nil
}

// String returns it, "" where it was not given.
func (v optionalCount) String() string {
	if v.to == nil || *v.to == nil {
		return ""
	}
	return strconv.FormatInt(**v.to, 10)
}
