package drill

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// stripWidth is how many columns the strip of a terminal takes.
	stripWidth = 110
	// longestLabel is how much of a node's name stands before its lane.
	longestLabel = 20
	// markLines is how many lines the numbers of events may take.
	markLines = 3
)

// glyphs of the lanes; a cell shows what matters most of all that happened in it.
var (
	fateGlyphs = map[Fate]string{Acknowledged: "█", Refused: "▒", Waiting: "·"}
	nodeGlyphs = map[Condition]string{
		Primary: "█", Synced: "=", Idle: "-", Behind: "▒", Diverged: "x", Away: "·", NoReplica: "?",
	}
)

const legend = "writes: █ acknowledged  ▒ refused  · waiting\n" +
	"nodes:  █ primary  = synced  - idle (nothing to show)  ▒ behind  x diverged  · away  ? no replica\n"

// What wins where a cell has several. A wait is shown where it is most of the cell: short ones
// are usual.
var (
	fateWeight = map[Fate]int{Acknowledged: 1, Waiting: 1, Refused: 2}
	nodeWeight = map[Condition]int{Idle: 1, Synced: 2, NoReplica: 3, Primary: 4, Behind: 5, Away: 6, Diverged: 7}
)

// span is a stretch of a lane.
type span[T any] struct {
	what     T
	from, to time.Time
}

func writeSpans(r *Record) []span[Fate] {
	spans := make([]span[Fate], 0, len(r.Writes))
	for i, w := range r.Writes {
		to := r.Ended
		if i+1 < len(r.Writes) {
			to = r.Writes[i+1].From
		}
		spans = append(spans, span[Fate]{w.Fate, w.From, to})
	}
	return spans
}

func nodeSpans(r *Record, n *Node) []span[Condition] {
	spans := make([]span[Condition], 0, len(n.Stretches))
	for i, s := range n.Stretches {
		to := r.Ended
		if i+1 < len(n.Stretches) {
			to = n.Stretches[i+1].From
		}
		spans = append(spans, span[Condition]{s.Condition, s.From, to})
	}
	return spans
}

// strip lays a drill out on cells of equal length.
type strip struct {
	record *Record
	cells  int
}

// cellOf returns the cell of a moment.
func (s strip) cellOf(at time.Time) int {
	lasted := s.record.Lasted()
	if lasted <= 0 {
		return 0
	}
	cell := int(float64(at.Sub(s.record.Started)) / float64(lasted) * float64(s.cells))
	return min(max(cell, 0), s.cells-1)
}

// cell is what lies in a cell of a lane, and for how long.
type cell[T comparable] struct {
	whats  []T
	shares []time.Duration
}

func (c *cell[T]) add(what T, share time.Duration) {
	for i := range c.whats {
		if c.whats[i] == what {
			c.shares[i] += share
			return
		}
	}
	c.whats, c.shares = append(c.whats, what), append(c.shares, share)
}

// lane draws spans: in each cell what weighs most, or of equals what takes most of it.
func lane[T comparable](s strip, spans []span[T], weight map[T]int, glyphs map[T]string) string {
	cells := make([]cell[T], s.cells)
	for _, each := range spans {
		for i := s.cellOf(each.from); i <= s.lastCell(each.from, each.to); i++ {
			cells[i].add(each.what, s.within(i, each.from, each.to))
		}
	}
	var line strings.Builder
	for _, c := range cells {
		best := -1
		for i, what := range c.whats {
			if best < 0 || weight[what] > weight[c.whats[best]] || (weight[what] == weight[c.whats[best]] && c.shares[i] > c.shares[best]) {
				best = i
			}
		}
		if best < 0 {
			line.WriteString(" ")
		} else {
			line.WriteString(glyphs[c.whats[best]])
		}
	}
	return line.String()
}

// within returns how much of a span lies in a cell.
func (s strip) within(cell int, from, to time.Time) time.Duration {
	length := s.record.Lasted() / time.Duration(s.cells)
	begin := s.record.Started.Add(time.Duration(cell) * length)
	return max(min(to.Sub(begin), length)-max(from.Sub(begin), 0), 0)
}

// lastCell is the one in which a span ends: it does not reach into one at whose edge it ends.
func (s strip) lastCell(from, to time.Time) int {
	if !to.After(from) {
		return s.cellOf(from)
	}
	return s.cellOf(to.Add(-1))
}

// axis writes seconds from the beginning above the cells where they lie.
func (s strip) axis() string {
	line := strings.Repeat(" ", s.cells+8)
	step := niceStep(s.record.Lasted(), s.cells/12)
	for at := time.Duration(0); at <= s.record.Lasted(); at += step {
		cell := s.cellOf(s.record.Started.Add(at))
		label := strconv.FormatFloat(at.Seconds(), 'f', -1, 64) + "s"
		if cell+len(label) <= len(line) {
			line = line[:cell] + label + line[cell+len(label):]
		}
		if step <= 0 {
			break
		}
	}
	return strings.TrimRight(line, " ")
}

// niceStep returns a round time of which at most so many fit.
func niceStep(lasted time.Duration, most int) time.Duration {
	for unit := 10 * time.Millisecond; ; unit *= 10 {
		for _, times := range []time.Duration{1, 2, 5} {
			if step := times * unit; lasted/step < time.Duration(max(most, 1)) {
				return step
			}
		}
	}
}

// marks writes the numbers of the events below the cells where they lie, on several lines where
// they would cover each other.
func (s strip) marks() []string {
	var lines []string
	for _, m := range marksOf(s.record.Events, func(at time.Time) float64 { return float64(s.cellOf(at)) }, 2) {
		lines = place(lines, int(m.at), m.text())
	}
	return lines
}

func place(lines []string, cell int, text string) []string {
	for i := range markLines {
		if i == len(lines) {
			lines = append(lines, "")
		}
		// A blank keeps two numbers apart.
		if used := len(lines[i]); used == 0 || used < cell {
			lines[i] += strings.Repeat(" ", cell-used) + text
			return lines
		}
	}
	return lines // The list below has it.
}

func writeStrip(out *strings.Builder, r *Record, width int) {
	label := len("events")
	for i := range r.Nodes {
		label = max(label, min(utf8.RuneCountInString(r.Nodes[i].Name), longestLabel))
	}
	s := strip{record: r, cells: width - label - 2}
	row := func(name, content string) {
		line := fmt.Sprintf("%-*s  %s", label, shortened(name), content)
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	row("", s.axis())
	row("writes", lane(s, writeSpans(r), fateWeight, fateGlyphs))
	for i := range r.Nodes {
		row(r.Nodes[i].Name, lane(s, nodeSpans(r, &r.Nodes[i]), nodeWeight, nodeGlyphs))
	}
	for i, line := range s.marks() {
		row([]string{"events", "", ""}[i], line)
	}
	out.WriteString("\n" + legend + "\n")
}

func shortened(name string) string {
	if utf8.RuneCountInString(name) <= longestLabel {
		return name
	}
	return string([]rune(name)[:longestLabel-1]) + "…"
}
