package drill

import (
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The picture's measures, in its own units: pixels where it is not scaled.
const (
	svgWidth   = 1000
	svgLeft    = 150 // where the lanes begin
	svgRight   = 20  // what is left free beside them
	svgHead    = 74  // of title and legend
	svgLane    = 24  // a lane's height
	svgPitch   = 36  // from one lane to the next
	svgMark    = 9   // half the height of an event's number
	svgApart   = 20  // what lies nearer shares a number's place
	svgLine    = 19  // from one event of the list to the next
	svgLetter  = 7   // about the width of a letter in a lane
	svgColumns = 10  // most labels on the axis
)

// svgStyle suits viewers of both kinds. There is no variable in it: some do not know them.
const svgStyle = `
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.small { font-size: 12px; fill: #59636e }
.in { font-size: 12px; fill: #ffffff }
.paper { fill: #ffffff }
.empty { fill: #eff2f5 }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.event { stroke: #59636e; stroke-width: 1; stroke-dasharray: 3 3 }
.mark { fill: #1f2328 }
.number { font-size: 11px; fill: #ffffff; text-anchor: middle }
.acknowledged, .synced { fill: #1a7f37 }
.refused { fill: #cf222e }
.waiting, .behind { fill: #bc4c00 }
.primary { fill: #0969da }
.idle { fill: #818b98 }
.diverged { fill: #8250df }
.away { fill: #d1d9e0 }
.no-replica { fill: #59636e }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.paper { fill: #0d1117 }
.empty { fill: #151b23 }
.grid { stroke: #3d444d }
.event { stroke: #9198a1 }
.mark { fill: #f0f6fc }
.number { fill: #0d1117 }
.in { fill: #ffffff }
.acknowledged, .synced { fill: #238636 }
.refused { fill: #da3633 }
.waiting, .behind { fill: #bd561d }
.primary { fill: #1f6feb }
.idle { fill: #656c76 }
.diverged { fill: #8957e5 }
.away { fill: #3d444d }
.no-replica { fill: #9198a1 }
}
`

// svg lays a drill out in a picture.
type svg struct {
	record *Record
	out    strings.Builder
}

// SVG writes the timeline as a picture: a lane for the writes and one for each node, the events
// numbered. It holds no script and refers to nothing.
func SVG(w io.Writer, r *Record) error {
	s := &svg{record: r}
	listed := min(len(r.Events), mostEvents)
	lanes := s.top() + (len(r.Nodes)+1)*svgPitch
	height := lanes + 50 + listed*svgLine + 10
	s.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		svgWidth, height, svgWidth, height, html.EscapeString(s.title()))
	s.add("<style>%s</style>", svgStyle)
	s.add(`<rect class="paper" width="%d" height="%d"/>`, svgWidth, height)
	s.add(`<text class="title" x="16" y="28">%s</text>`, html.EscapeString(s.title()))
	s.legend()
	s.axis(lanes)
	s.lanes()
	s.events(lanes)
	s.list(lanes + 50)
	s.add("</svg>")
	_, err := io.WriteString(w, s.out.String())
	return err
}

func (s *svg) add(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// top is where the first lane begins: below the events' numbers.
func (s *svg) top() int { return svgHead + 2*svgMark + 6 }

func (s *svg) title() string {
	r := s.record
	title := "Drill of " + r.Started.UTC().Format("2006-01-02 15:04:05") + " UTC: "
	if longest := r.Longest(); longest != nil {
		title += "nobody could write for " + seconds(longest.Lasted)
	} else {
		title += "somebody could write all the time"
	}
	return title + fmt.Sprintf(", lost %d of %s", r.Lost(), beats(r.Beats.Acknowledged, ""))
}

func (s *svg) legend() {
	x := 16
	for _, word := range []string{
		string(Acknowledged) + ", " + string(Synced), string(Refused), string(Waiting) + ", " + string(Behind), string(Primary),
		string(Idle) + " (nothing to show)", string(Diverged), string(Away),
	} {
		class := strings.FieldsFunc(word, func(r rune) bool { return r == ',' || r == ' ' })[0]
		s.add(`<rect class="%s" x="%d" y="42" width="12" height="12" rx="2"/><text class="small" x="%d" y="52">%s</text>`, class, x, x+17, word)
		x += 17 + utf8.RuneCountInString(word)*svgLetter + 18
	}
}

// x is where a moment lies.
func (s *svg) x(at time.Time) float64 {
	const width = svgWidth - svgLeft - svgRight
	lasted := s.record.Lasted()
	if lasted <= 0 {
		return svgLeft
	}
	share := float64(at.Sub(s.record.Started)) / float64(lasted)
	return svgLeft + width*min(max(share, 0), 1)
}

func (s *svg) axis(bottom int) {
	step := niceStep(s.record.Lasted(), svgColumns)
	for at := time.Duration(0); at <= s.record.Lasted(); at += step {
		x := s.x(s.record.Started.Add(at))
		s.add(`<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, x, s.top()-4, x, bottom)
		s.add(`<text class="small" x="%.1f" y="%d" text-anchor="middle">%s s</text>`, x, bottom+18, strconv.FormatFloat(at.Seconds(), 'f', -1, 64))
	}
}

func (s *svg) lanes() {
	y := s.top()
	s.lane("writes", y)
	for _, each := range writeSpans(s.record) {
		s.span(string(each.what), each.from, each.to, y)
	}
	for i := range s.record.Nodes {
		n := &s.record.Nodes[i]
		y += svgPitch
		s.lane(n.Name, y)
		for _, each := range nodeSpans(s.record, n) {
			s.span(string(each.what), each.from, each.to, y)
		}
	}
}

func (s *svg) lane(name string, y int) {
	s.add(`<text x="%d" y="%d" text-anchor="end">%s</text>`, svgLeft-10, y+svgLane-7, html.EscapeString(shortened(name)))
	s.add(`<rect class="empty" x="%d" y="%d" width="%d" height="%d"/>`, svgLeft, y, svgWidth-svgLeft-svgRight, svgLane)
}

// span draws a stretch, with its word where there is room. A moment is seen too.
func (s *svg) span(word string, from, to time.Time, y int) {
	x, end := s.x(from), s.x(to)
	width := max(end-x, 1.5)
	s.add(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s: %s to %s</title></rect>`,
		strings.ReplaceAll(word, " ", "-"), x, y, width, svgLane, word, clock(from), clock(to))
	class := "in"
	if word == string(Away) {
		class = "small"
	}
	if float64(len(word)*svgLetter+10) < width {
		s.add(`<text class="%s" x="%.1f" y="%d">%s</text>`, class, x+6, y+svgLane-8, word)
	}
}

// events draws a line through all lanes for each, with its number above them.
func (s *svg) events(bottom int) {
	y := s.top() - 4 - svgMark
	for i, e := range s.record.Events {
		if i == mostEvents {
			break
		}
		x := s.x(e.At)
		s.add(`<line class="event" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, x, y, x, bottom)
	}
	for _, m := range marksOf(s.record.Events, s.x, svgApart) {
		half := float64(max(2*svgMark, len(m.text())*svgLetter+6)) / 2
		s.add(`<rect class="mark" x="%.1f" y="%d" width="%.1f" height="%d" rx="%d"/>`, m.at-half, y-svgMark, 2*half, 2*svgMark, svgMark)
		s.add(`<text class="number" x="%.1f" y="%d">%s</text>`, m.at, y+4, m.text())
	}
}

// list says what the numbers stand for.
func (s *svg) list(y int) {
	for i, e := range s.record.Events {
		if i == mostEvents {
			return
		}
		s.add(`<text class="small" x="16" y="%d">%d</text><text x="42" y="%d">%s  %s</text>`, y, i+1, y, clock(e.At), html.EscapeString(e.String()))
		y += svgLine
	}
}
