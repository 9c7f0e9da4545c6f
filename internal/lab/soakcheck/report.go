package soakcheck

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// shown is how many violations of a check are printed.
const shown = 10

// Run judges a history file and prints what it found. The error is
// [lab.ErrUntrue] when something is wrong.
func Run(file string, out io.Writer) error {
	h, err := load(file)
	if err != nil {
		return fmt.Errorf("the history %s: %w", file, err)
	}
	return Judge(h, out)
}

// Judge is [Run] on a history that was read.
func Judge(h *history.History, out io.Writer) error {
	if !report(out, examine(h)) {
		return lab.ErrUntrue
	}
	return nil
}

func load(name string) (*history.History, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // It is only read.
	return history.Load(file)
}

// report prints what was found, and returns whether nothing is wrong.
func report(out io.Writer, j *judge) bool {
	summary(out, j.History)
	good := true
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CHECK\tCOMPARED\tVIOLATIONS\t")
	for _, name := range j.names() {
		v := j.verdicts[name]
		note := ""
		if v.compared == 0 {
			note = "nothing to compare: no proof"
		}
		good = good && v.compared > 0 && len(v.violations) == 0
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", name, v.compared, len(v.violations), note)
	}
	_ = table.Flush()
	lab.Say(out, "\n%d claims span a restart of the replica and were not compared.", j.cut)
	if j.graph != nil {
		lab.Say(out, "%d beats were logged as lost; with %d beats it is known to the last one what is lost.", j.lost, j.exact)
	}
	for _, name := range j.names() {
		for i, violation := range j.verdicts[name].violations {
			if i == shown {
				lab.Say(out, "… and %d more", len(j.verdicts[name].violations)-shown)
				break
			}
			lab.Say(out, "VIOLATION %s: %s", name, violation)
		}
	}
	return good
}

// summary prints what the history holds, so that a reader sees what was tried.
func summary(out io.Writer, h *history.History) {
	var acknowledged, synced, late, untold, stale int
	for i := range h.Probes {
		p := &h.Probes[i]
		switch {
		case p.Synced == nil:
			untold++
		case *p.Synced:
			synced++
		default:
			late++
		}
		if p.Acknowledged != nil {
			acknowledged++
		}
		if p.LastStale != nil {
			stale++
		}
	}
	lab.Say(out, "%d probes, %d acknowledged: synced 1 in %d, synced 0 in %d, untold in %d; %d with a stale read",
		len(h.Probes), acknowledged, synced, late, untold, stale)
	beats(out, h)
	kinds, order := map[string]int{}, []string{}
	for _, f := range h.Faults {
		if kinds[f.Kind]++; kinds[f.Kind] == 1 {
			order = append(order, f.Kind)
		}
	}
	_, _ = fmt.Fprintf(out, "%d faults:", len(h.Faults))
	for _, kind := range order {
		_, _ = fmt.Fprintf(out, " %s %d", kind, kinds[kind])
	}
	lab.Say(out, "\nThe observer saw %d values change", len(h.Seen))
	if h.Settings.Failovers > 0 {
		lab.Say(out, "%d scrapes of two exporters on three servers, %d branches; superusers saw %d rows change", len(h.Scrapes), len(h.Branches), len(h.Shown))
	}
	lab.Say(out, "")
}

// beats prints what there is of beats, of which a scrape has one each.
func beats(out io.Writer, h *history.History) {
	var pulse, acknowledged, outages int
	var lasted time.Duration
	for i := range h.Beats {
		b := &h.Beats[i]
		if !b.Scraped {
			pulse++
		}
		if b.Acknowledged != nil {
			acknowledged++
		}
		if noticeOf(b, history.OutageBegan) != nil {
			outages++
		}
		if n := noticeOf(b, history.OutageEnded); n != nil {
			lasted += time.Duration(n.After)
		}
	}
	lab.Say(out, "%d beats of all exporters, %d of the pulse; %d acknowledged, %d delays counted; %d outages of %v in all",
		len(h.Beats), pulse, acknowledged, len(h.Delays), outages, lasted.Round(time.Millisecond))
}
