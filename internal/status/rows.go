package status

import (
	"fmt"
	"strconv"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Row is a node in the table of them.
type Row struct {
	Name, Role, Version, Timeline string
	// Asked is false for a node that no probe has asked yet.
	Asked bool
	// Connection says whether there is one, and Since since when; nil where that is not known.
	Connection string
	Since      *Seen
	// Failures are what failed, with the reason in front.
	Failures []Failure
	// Ago says when the failures were seen, where that was before.
	Ago *Seen
}

// Failure is an operation that failed.
type Failure struct{ Reason, Text string }

// rows returns the nodes.
func (c *Cluster) rows(r *probe.Result) []Row {
	var rows []Row
	for _, name := range c.Known.Nodes {
		node := find(r, name)
		if node == nil {
			rows = append(rows, Row{Name: name, Role: "?", Connection: "not asked yet"})
			continue
		}
		rows = append(rows, c.row(r, node))
	}
	return rows
}

func (c *Cluster) row(r *probe.Result, node *probe.NodeResult) Row {
	row := Row{Name: node.Name, Asked: true, Role: Role(node), Version: node.Version, Timeline: timeline(node)}
	row.Connection, row.Failures = connection(node), failuresOf(node)
	if !node.Since.IsZero() {
		row.Since = c.seenAt(node.Since)
	}
	if node.Up && node.Version != "" && len(row.Failures) == 0 || r == c.Known.Close {
		return row
	}
	// A beat of the pulse does not ask a node that is not connected what is wrong.
	if earlier := find(c.looked(), node.Name); earlier != nil {
		if row.Role == "?" {
			row.Role = Role(earlier)
		}
		if row.Version == "" {
			row.Version = earlier.Version
		}
		if row.Timeline == "" {
			row.Timeline = timeline(earlier)
		}
		if len(row.Failures) == 0 && !node.Up && !earlier.Up {
			row.Failures, row.Ago = failuresOf(earlier), c.lookedAt()
		}
	}
	return row
}

func failuresOf(node *probe.NodeResult) []Failure {
	var all []Failure
	for _, err := range node.Failures {
		all = append(all, Failure{string(probe.ReasonOf(err)), err.Error()})
	}
	return all
}

func timeline(node *probe.NodeResult) string {
	switch state := node.State; {
	case state.Timeline != 0:
		return strconv.FormatUint(uint64(state.Timeline), 10)
	case state.LeastTimeline != 0:
		return fmt.Sprintf("%d or later", state.LeastTimeline)
	default:
		return ""
	}
}

func connection(node *probe.NodeResult) string {
	text := "open"
	switch {
	case node.Pooled:
		text = "through a pooler"
	case !node.Since.IsZero():
		text = "opened"
	case node.Connecting && !node.Up:
		text = "being made"
	case !node.Up:
		text = "none"
	}
	if node.Servers > 1 {
		text = fmt.Sprintf("leads to %d servers; %s", node.Servers, text)
	}
	return text
}
