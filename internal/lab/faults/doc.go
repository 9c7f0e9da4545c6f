// Package faults breaks real servers in every way that docs/faults.md names, and
// holds what the exporter publishes against what was done. Its tests are the
// page's rows. They use of the product what its own command uses, and nothing else.
package faults
