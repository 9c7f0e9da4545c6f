package config

import "slices"

// Nearest returns those of the known words that a word is likely to be meant as, the most
// likely first: what differs from it in a third of its letters or less.
func Nearest(word string, known []string) []string {
	distances := map[string]int{}
	var near []string
	for _, candidate := range known {
		if d := distance([]rune(word), []rune(candidate)); d <= max(1, len([]rune(candidate))/3) {
			distances[candidate] = d
			near = append(near, candidate)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return distances[a] - distances[b] })
	return near
}

// distance is how many letters have to be inserted, removed, replaced or swapped with the next
// to make one word of the other.
func distance(a, b []rune) int {
	if len(a) > 2*len(b)+2 {
		return len(a) // However it is counted, it is not near.
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
