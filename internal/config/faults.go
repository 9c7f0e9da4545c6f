package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one mistake in a configuration file.
type Fault struct {
	// Line and Column are where it is, from 1 on.
	Line, Column int
	// Text says what is wrong and what to do. It quotes no value.
	Text string
}

// FaultsError are all mistakes that were found in a file, in their order.
type FaultsError struct {
	// File is the name of the file.
	File string
	// All has at least one.
	All []Fault
}

// Error is one line for each fault, with file, line and column.
func (f *FaultsError) Error() string {
	lines := make([]string, len(f.All))
	for i, fault := range f.All {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", f.File, fault.Line, fault.Column, fault.Text)
	}
	return strings.Join(lines, "\n")
}

func sorted(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return faults
}
