package fleet

import (
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

const (
	// questionsApart is how long after one cluster the next one first asks for its nodes, and allAsked after how long the last one
	// does, however many they are: a thousand that begin together do not all ask the same name server at once.
	questionsApart = 5 * time.Millisecond
	allAsked       = 5 * time.Second
)

// turns returns how long after a configuration is in force each cluster first asks for its nodes, of those that come, or that seek
// them elsewhere from then on.
func turns(clusters map[string]config.Cluster, changes config.Changes) map[string]time.Duration {
	asking := slices.DeleteFunc(slices.Clone(changes.Added), func(name string) bool { return clusters[name].Discover == nil })
	for _, change := range changes.Changed {
		if change.Discover && clusters[change.Name].Discover != nil {
			asking = append(asking, change.Name)
		}
	}
	after := make(map[string]time.Duration, len(asking))
	for i, name := range asking {
		after[name] = time.Duration(i) * min(questionsApart, allAsked/time.Duration(len(asking)))
	}
	return after
}
