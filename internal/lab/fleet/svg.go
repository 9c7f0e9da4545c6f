//go:build unix

package fleet

import (
	"fmt"
	"math"
	"strings"
)

// The plot's measures, in its own units: pixels where it is not scaled.
const (
	plotWidth  = 960
	plotHeight = 320
	plotPanel  = plotWidth / 3
	plotLeft   = 56 // of a panel, where its axis is
	plotRight  = 24
	plotTop    = 64
	plotBottom = 52
)

// plotStyle suits viewers of both kinds. There is no variable in it: some do not know them.
const plotStyle = `
text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.linear { stroke: #59636e; stroke-width: 1; stroke-dasharray: 3 4; fill: none }
.line { stroke: #0969da; stroke-width: 2; fill: none }
.point { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #3d444d }
.linear { stroke: #9198a1 }
.line { stroke: #4493f8 }
.point { fill: #4493f8 }
}
`

// panel is one curve over the number of clusters.
type panel struct {
	title, unit string
	value       func(figures) float64
}

var panels = []panel{
	{"Resident memory", "MB", func(f figures) float64 { return mb(f.resident) }},
	{"CPU, of a core", "%", func(f figures) float64 { return 100 * f.cpu }},
	{"A scrape, p99 beyond the servers' delay", "ms", func(f figures) float64 { return f.most.Seconds() * 1e3 }},
}

// picture is a plot that grows.
type picture struct{ strings.Builder }

func (p *picture) add(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// plot draws memory, CPU and scrapes over the number of clusters, both axes logarithmic. It holds no script and
// refers to nothing.
func plot(rows []figures, o Options) string {
	title := fmt.Sprintf("One exporter, clusters of %d servers, scraped every %v", 1+o.Replicas, o.Interval)
	p := &picture{}
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		plotWidth, plotHeight, plotWidth, plotHeight, title)
	p.add("<style>%s</style>", plotStyle)
	p.add(`<rect class="paper" width="%d" height="%d"/>`, plotWidth, plotHeight)
	p.add(`<text class="title" x="16" y="26">%s</text>`, title)
	p.add(`<text class="small" x="%d" y="26" text-anchor="end">dashed: in proportion to the clusters</text>`, plotWidth-plotRight)
	for i, each := range panels {
		p.panel(each, rows, float64(i*plotPanel))
	}
	p.add("</svg>")
	return p.String()
}

func (p *picture) panel(what panel, rows []figures, left float64) {
	low, high := decades(what, rows)
	most := math.Ceil(math.Log10(float64(rows[len(rows)-1].clusters)))
	x := func(clusters int) float64 {
		const width = plotPanel - plotLeft - plotRight
		return left + plotLeft + width*math.Log10(float64(clusters))/max(most, 1)
	}
	y := func(value float64) float64 {
		const height = plotHeight - plotTop - plotBottom
		return plotTop + height*(high-math.Log10(max(value, math.Pow(10, low))))/(high-low)
	}
	p.add(`<text x="%.1f" y="%d">%s</text>`, left+16, plotTop-14, what.title)
	for d := low; d <= high; d++ {
		at := y(math.Pow(10, d))
		p.add(`<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left+plotLeft, at, left+plotPanel-plotRight, at)
		p.add(`<text class="small" x="%.1f" y="%.1f" text-anchor="end">%g %s</text>`, left+plotLeft-6, at+4, math.Pow(10, d), what.unit)
	}
	var points []string
	for i, f := range rows {
		v := what.value(f)
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(f.clusters), y(v)))
		p.add(`<text class="small" x="%.1f" y="%d" text-anchor="middle">%d</text>`, x(f.clusters), plotHeight-plotBottom+18, f.clusters)
		p.add(`<circle class="point" cx="%.1f" cy="%.1f" r="3.5"/>`, x(f.clusters), y(v))
		anchor := "middle"
		if i == 0 {
			anchor = "start"
		}
		p.add(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x(f.clusters), y(v)-9, anchor, shortNumber(v))
	}
	p.add(`<polyline class="line" points="%s"/>`, strings.Join(points, " "))
	p.add(`<text class="small" x="%.1f" y="%d" text-anchor="middle">clusters</text>`, left+plotLeft+(plotPanel-plotLeft-plotRight)/2, plotHeight-14)
	p.linear(what, rows, low, x, y)
}

// linear draws what would grow as the number of clusters does, through the last point.
func (p *picture) linear(what panel, rows []figures, low float64, x func(int) float64, y func(float64) float64) {
	last := rows[len(rows)-1]
	each := what.value(last) / float64(last.clusters)
	least := max(1, int(math.Ceil(math.Pow(10, low)/each)))
	if least >= last.clusters {
		return
	}
	p.add(`<path class="linear" d="M%.1f,%.1f L%.1f,%.1f"/>`,
		x(least), y(each*float64(least)), x(last.clusters), y(what.value(last)))
}

// decades returns the powers of ten that hold all values.
func decades(what panel, rows []figures) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, f := range rows {
		if v := what.value(f); v > 0 {
			low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
		}
	}
	if low > high {
		return 0, 1
	}
	return low, max(high, low+1)
}

// shortNumber writes a number with two or three digits.
func shortNumber(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
