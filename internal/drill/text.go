package drill

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	// mostEvents is how many events the text lists, the first ones.
	mostEvents = 40
	// mostListed is how many outages it lists, and how many takeovers.
	mostListed = 20
)

// Text writes the report for people.
func Text(w io.Writer, r *Record) error {
	var out strings.Builder
	writeHead(&out, r)
	writeOutages(&out, r)
	writeTakeovers(&out, r)
	writeLosses(&out, r)
	out.WriteString("\n")
	writeNodes(&out, r)
	out.WriteString("\n")
	writeStrip(&out, r, stripWidth)
	writeEvents(&out, r)
	_, err := io.WriteString(w, out.String())
	return err
}

func writeHead(out *strings.Builder, r *Record) {
	fmt.Fprintf(out, "Drill of %s, from %s to %s UTC\n", seconds(r.Lasted()), r.Started.UTC().Format("2006-01-02 15:04:05"), r.Ended.UTC().Format("15:04:05"))
	fmt.Fprintf(out, "Beats: %d sent, one every %v: %d acknowledged (median %s), %d refused, %d given up after a wait\n\n",
		r.Beats.Sent(), r.Interval, r.Beats.Acknowledged, lag(r.MedianCommit), r.Beats.Refused, r.Beats.GivenUp)
}

func writeOutages(out *strings.Builder, r *Record) {
	if len(r.Outages) == 0 {
		out.WriteString("Somebody could write all the time.\n")
	}
	for i := range r.Outages {
		if i == mostListed {
			writeMore(out, len(r.Outages)-i, "outages")
			break
		}
		writeOutage(out, r, &r.Outages[i])
	}
	if p := r.Pauses; p.Count > 0 {
		fmt.Fprintf(out, "Short waits: %d, %s in all, the longest %s.\n", p.Count, seconds(p.Lasted), seconds(p.Longest))
	}
}

func writeOutage(out *strings.Builder, r *Record, o *Outage) {
	if o.isWait() {
		fmt.Fprintf(out, "Commits waited on %s for %s (between %s and %s), from %s to %s.\n",
			o.Before.Node, precise(o.Lasted), precise(o.AtLeast), precise(o.AtMost), clock(o.Began), clock(o.Ended))
		return
	}
	fmt.Fprintf(out, "Nobody could write for %s (between %s and %s)%s.\n",
		precise(o.Lasted), precise(o.AtLeast), precise(o.AtMost), partsOf(o))
	row := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("from", "%s, %s into the drill", clock(o.Began), seconds(o.Began.Sub(r.Started)))
	if o.Lasts() {
		row("to", "the end of the drill: it lasts")
	} else {
		row("to", "%s", clock(o.Ended))
	}
	for _, refusal := range o.Refusals {
		row("failed", "%s: %s %s", beats(refusal.Beats, ""), refusal.Node, refusal.Reason)
	}
	if o.Beats.Late > 0 {
		row("late", "%s", beats(o.Beats.Late, "acknowledged "))
	}
	if o.Lasts() {
		row("server", "%s, timeline %s, era %d", o.Before.Node, timeline(o.Before.Timeline), o.Before.Era)
		return
	}
	row("server", "%s", change(o.Before.Node, o.After.Node))
	row("timeline", "%s", change(timeline(o.Before.Timeline), timeline(o.After.Timeline)))
	row("era", "%s", change(strconv.FormatInt(o.Before.Era, 10), strconv.FormatInt(o.After.Era, 10)))
	row("position", "%s", change(position(o.Before.LSN), position(o.After.LSN)))
}

// smallPart is the part of an outage that is too small to speak of: a beat that meets the end of a
// server waits for a moment.
const smallPart = 10

// partsOf says what beats did in an outage, where they were refused and waited, or waited only.
func partsOf(o *Outage) string {
	switch {
	case o.Waited < o.Lasted/smallPart && o.Beats.Refused > 0:
		return ": refused"
	case o.Refused() == 0:
		return ": beats waited"
	default:
		return fmt.Sprintf(": refused for %s of it, waited for %s of it", seconds(o.Refused()), seconds(min(o.Waited, o.Lasted)))
	}
}

func writeTakeovers(out *strings.Builder, r *Record) {
	for i, t := range r.Takeovers {
		if i == mostListed {
			writeMore(out, len(r.Takeovers)-i, "takeovers")
			break
		}
		fmt.Fprintf(out, "Took over: %s → %s at %s, timeline %s → %s", t.From.Node, t.To.Node, clock(t.At), timeline(t.From.Timeline), timeline(t.To.Timeline))
		if t.Fork != 0 {
			fmt.Fprintf(out, ", forked at %s", t.Fork)
		}
		out.WriteString("\n")
	}
}

func writeLosses(out *strings.Builder, r *Record) {
	if len(r.Losses) == 0 && r.AtRisk == nil && !r.Undecided {
		fmt.Fprintf(out, "Lost: none of %s.\n", beats(r.Beats.Acknowledged, "acknowledged "))
		return
	}
	fmt.Fprintf(out, "Lost: %d of %s.\n", r.Lost(), beats(r.Beats.Acknowledged, "acknowledged "))
	for _, l := range r.Losses {
		fmt.Fprintf(out, "  %s: values %d to %d of era %d, from %s to %s, known at %s\n",
			beats(l.Commits, ""), l.From, l.To, l.Era, position(l.FirstLSN), position(l.LastLSN), clock(l.At))
	}
	switch l := r.AtRisk; {
	case l != nil:
		fmt.Fprintf(out, "  At risk: %s, values %d to %d of era %d, from %s: another server that takes writes, or may still, has them\n",
			beats(l.Commits, ""), l.From, l.To, l.Era, position(l.FirstLSN))
	case r.Undecided:
		out.WriteString("  Not decided: whether beats that the primary lacks are somewhere else.\n")
	}
}

func writeNodes(out *strings.Builder, r *Record) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NODE\tAT THE END\tWORST LAG\tSTALE READS\tLATE BEATS\tBEHIND\tAWAY\tSYNCED AGAIN\tREBUILT")
	for i := range r.Nodes {
		n := &r.Nodes[i]
		cells := []string{n.Name, string(n.Last())}
		cells = append(cells, replicaCells(n)...)
		behind := n.In(Behind, r.Ended) + n.In(Diverged, r.Ended)
		cells = append(cells, orDash(behind), orDash(n.In(Away, r.Ended)), syncedAgain(r, n))
		if n.Rebuilt.IsZero() {
			cells = append(cells, "-")
		} else {
			cells = append(cells, "yes, at "+clock(n.Rebuilt))
		}
		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	_ = table.Flush() // It is written to memory.
}

// replicaCells returns the worst lag, the stale reads and the late beats, with a dash for a node
// that never answered as a replica.
func replicaCells(n *Node) []string {
	if !n.IsReplica() {
		return []string{"-", "-", "-"}
	}
	stale := fmt.Sprintf("%d of %d", n.Stale, n.Reads)
	return []string{lag(*n.WorstLag), stale, strconv.FormatInt(n.Late, 10)}
}

func orDash(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return seconds(d)
}

// syncedAgain says when a node was back, from the beginning of the drill.
func syncedAgain(r *Record, n *Node) string {
	at, missed := n.SyncedAgain()
	switch {
	case n.Last() == Primary || !missed:
		return "-"
	case at.IsZero():
		return "not yet"
	default:
		return clock(at) + ", " + seconds(at.Sub(r.Started)) + " in"
	}
}

func writeEvents(out *strings.Builder, r *Record) {
	for i, e := range r.Events {
		if i == mostEvents {
			writeMore(out, len(r.Events)-i, "events")
			return
		}
		fmt.Fprintf(out, "%3d  %s  %9s  %s\n", i+1, clock(e.At), seconds(e.At.Sub(r.Started)), e)
	}
}

func writeMore(out *strings.Builder, count int, of string) {
	fmt.Fprintf(out, "… and %d more %s: --output=json has all\n", count, of)
}

// change writes both sides, or the one where they are the same.
func change(from, to string) string {
	if from == to {
		return from + ", as before"
	}
	return from + " → " + to
}

func timeline(t uint32) string {
	if t == 0 {
		return "?"
	}
	return strconv.FormatUint(uint64(t), 10)
}

// precise writes seconds to the millisecond.
func precise(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " s" }
