package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// List is what a page of many clusters shows.
type List struct {
	Headline Finding
	// Counts are how many clusters there are of each level, the worst first.
	Counts []Count
	// Lines are the clusters, the worst first, and All how many there are, those that were filtered out too.
	Lines []Line
	All   int
}

// Count is how many clusters are of a level.
type Count struct {
	Level    Level
	Clusters int
}

// Line is a cluster in the list.
type Line struct {
	Name     string
	Headline Finding
	// More is how many findings there are besides.
	More int
	// Synced is how many of the replicas are, such as 2 of 3.
	Synced  string
	Primary string
	Lag     string
	Seen    *Seen

	lag time.Duration
}

// Filter says which clusters are shown.
type Filter struct {
	// Text is in the name or the sentence of those that are shown; "" for any.
	Text string
	// Trouble leaves out those that are well.
	Trouble bool
}

// NewList returns what a page of the clusters shows.
func NewList(clusters []Cluster, filter Filter) List {
	list := List{All: len(clusters)}
	counts := [Critical + 1]int{}
	for i := range clusters {
		line := newLine(&clusters[i])
		counts[line.Headline.Level]++
		if filter.shows(&line) {
			list.Lines = append(list.Lines, line)
		}
	}
	slices.SortFunc(list.Lines, func(a, b Line) int {
		return cmp.Or(
			cmp.Compare(b.Headline.Level, a.Headline.Level), cmp.Compare(a.Headline.rank, b.Headline.rank),
			cmp.Compare(b.lag, a.lag), cmp.Compare(a.Name, b.Name),
		)
	})
	for level := Critical; level >= Well; level-- {
		if counts[level] > 0 {
			list.Counts = append(list.Counts, Count{level, counts[level]})
		}
	}
	list.Headline = listHeadline(counts, list.All)
	return list
}

func (f Filter) shows(line *Line) bool {
	if f.Trouble && line.Headline.Level <= Note {
		return false
	}
	text := strings.ToLower(strings.TrimSpace(f.Text))
	return text == "" || strings.Contains(strings.ToLower(line.Name+" "+line.Headline.Text), text)
}

// listHeadline says how many clusters need somebody.
func listHeadline(counts [Critical + 1]int, all int) Finding {
	say := func(level Level, n int, what string) Finding {
		return Finding{Level: level, Text: fmt.Sprintf("%d of %d clusters %s", n, all, what)}
	}
	switch {
	case all == 0:
		return Finding{Level: Unknown, Text: "There is no cluster", Words: Words{Next: "name some in the configuration file"}}
	case counts[Critical] == 1:
		return say(Critical, 1, "needs somebody now")
	case counts[Critical] > 0:
		return say(Critical, counts[Critical], "need somebody now")
	case counts[Warning] == 1:
		return say(Warning, 1, "needs a look")
	case counts[Warning] > 0:
		return say(Warning, counts[Warning], "need a look")
	case counts[Unknown] == all:
		return Finding{Level: Unknown, Text: "Nothing is known of any cluster"}
	case counts[Unknown] > 0:
		return Finding{Level: Unknown, Text: fmt.Sprintf("Not all is known of %d of %d clusters", counts[Unknown], all)}
	default:
		return Finding{Level: Well, Text: fmt.Sprintf("All %d clusters are well", all)}
	}
}

func newLine(c *Cluster) Line {
	findings := c.Findings()
	line := Line{Name: c.Name, Headline: c.Headline(), More: max(len(findings)-1, 0)}
	if seen, ok := c.Seen(); ok {
		line.Seen = &seen
	}
	r := c.Result()
	if r == nil {
		return line
	}
	synced, replicas := 0, r.Replicas()
	for _, node := range replicas {
		if node.Replica.Synced != nil && *node.Replica.Synced {
			synced++
		}
		if lag := node.Replica.Lag; lag != nil && (*lag > line.lag || line.Lag == "") {
			line.lag, line.Lag = *lag, Span(*lag)
		}
	}
	if len(replicas) > 0 {
		line.Synced = fmt.Sprintf("%d of %d", synced, len(replicas))
	}
	if r.Write != nil {
		line.Primary = r.Primary
	}
	return line
}
