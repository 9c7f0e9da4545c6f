package server

import "github.com/pg-canary/pg_canary_exporter/internal/config"

// closest returns at most n of some names: the likeliest that another one was meant to be, or else the first ones.
func closest(asked string, names []string, n int) []string {
	near := config.Nearest(asked, names)
	if len(near) == 0 {
		near = names
	}
	return near[:min(len(near), n)]
}
