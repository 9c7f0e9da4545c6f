package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// Table writes one line a node. The value of a replica is the last that was
// read; its LSN and its lag in bytes are those of the first read.
func Table(w io.Writer, r *probe.Result) error {
	// The writer keeps its first error and returns it from Flush.
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	writeRow(table, "NODE", "ROLE", "VALUE", "LSN", "LAG BYTES", "LAG", "STATE")
	for i := range r.Nodes {
		node := &r.Nodes[i]
		cells := replicaCells
		if node.Replica == nil {
			cells = primaryCells
		}
		writeRow(table, append([]string{node.Name, status.Role(node)}, cells(r, node)...)...)
	}
	return table.Flush()
}

func writeRow(w io.Writer, cells ...string) {
	_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// primaryCells and replicaCells return value, LSN, lag in bytes, lag and state,
// with a dash for what was not observed.
func primaryCells(r *probe.Result, _ *probe.NodeResult) []string {
	if r.Write == nil {
		return []string{"-", "-", "-", "-", "not written"}
	}
	took := r.Write.Acknowledged.Sub(r.Write.Sent)
	return []string{strconv.FormatInt(r.Write.Capacity, 10), lsnCell(r.Write.LSN), "-", "-", "written in " + Duration(took)}
}

func replicaCells(_ *probe.Result, node *probe.NodeResult) []string {
	cells := []string{"-", "-", "-", "-", "not compared"}
	replica := node.Replica
	if replica.Last.Found {
		cells[0] = strconv.FormatInt(replica.Last.Capacity, 10)
	}
	if replica.First != nil {
		cells[1] = lsnCell(replica.First.ReplayLSN)
	}
	if replica.LagBytes != nil {
		cells[2] = strconv.FormatUint(*replica.LagBytes, 10)
	}
	if replica.Lag != nil {
		cells[3] = Duration(*replica.Lag)
	}
	if replica.State != "" {
		cells[4] = string(replica.State)
	}
	return cells
}

func lsnCell(lsn verdict.LSN) string {
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
