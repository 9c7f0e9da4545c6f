package server

import (
	"fmt"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// mostSuggested is how many names a client gets that asks for one that there is not.
const mostSuggested = 3

// suggest says which clusters a client may mean.
func (s *scraper) suggest(asked string) string {
	var names []string
	for _, c := range s.clusters.All() {
		names = append(names, c.Name)
	}
	return suggestion(asked, names)
}

// suggestion says which of some names is likely to be meant by another one or, where none is, which there are.
func suggestion(asked string, names []string) string {
	switch near := config.Nearest(asked, names); {
	case len(names) == 0:
		return "The exporter probes none."
	case len(near) > 0:
		return "Is it " + strings.Join(near[:min(len(near), mostSuggested)], ", or ") + "?"
	case len(names) <= mostSuggested:
		return "There is " + strings.Join(names, ", ") + ": ask for target=" + names[0] + "."
	default:
		return fmt.Sprintf("There are %d, such as %s; see %s.", len(names), strings.Join(names[:mostSuggested], ", "), TargetsPath)
	}
}
