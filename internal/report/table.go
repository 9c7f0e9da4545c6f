package report

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

const tableHeader = "NODE\tROLE\tVALUE\tLSN\tLAG BYTES\tLAG\tSTATE\t"

// Table writes one line a node. The value of a replica is the last that was
// read; its LSN and its lag in bytes are those of the first read.
func Table(w io.Writer, r *probe.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, tableHeader)
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if node.Replica == nil {
			writePrimary(table, r, node)
		} else {
			writeReplica(table, node)
		}
	}
	return table.Flush()
}

func writePrimary(w io.Writer, r *probe.Result, node *probe.NodeResult) {
	if r.Write == nil {
		writeRow(w, node, "-", "-", "-", "-", "not written")
		return
	}
	took := r.Write.Acknowledged.Sub(r.Write.Sent)
	writeRow(w, node, fmt.Sprint(r.Write.Capacity), position(r.Write.LSN), "-", "-", "written in "+Duration(took))
}

func writeReplica(w io.Writer, node *probe.NodeResult) {
	value, lsn, behind, lag, state := "-", "-", "-", "-", "not compared"
	replica := node.Replica
	if first := replica.First; first != nil {
		lsn = position(first.ReplayLSN)
	}
	if replica.Last.Found {
		value = fmt.Sprint(replica.Last.Capacity)
	}
	if replica.LagBytes != nil {
		behind = fmt.Sprint(*replica.LagBytes)
	}
	if replica.Lag != nil {
		lag = Duration(*replica.Lag)
	}
	if replica.State != "" {
		state = string(replica.State)
	}
	writeRow(w, node, value, lsn, behind, lag, state)
}

func writeRow(w io.Writer, node *probe.NodeResult, value, lsn, behind, lag, state string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", node.Name, Role(node), value, lsn, behind, lag, state)
}

// Role is the node's own word, or "?" when it gave none.
func Role(node *probe.NodeResult) string {
	switch {
	case node.InRecovery == nil:
		return "?"
	case *node.InRecovery:
		return "replica"
	default:
		return "primary"
	}
}

func position(lsn probe.LSN) string {
	if lsn == 0 {
		return "-"
	}
	return lsn.String()
}

// Duration rounds to what a person reads at a glance: three digits.
func Duration(d time.Duration) string {
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}
