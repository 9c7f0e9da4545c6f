package guides

import (
	"regexp"
	"slices"
	"strings"
)

// varying is what differs from run to run: moments, addresses, positions in the WAL, and numbers with or without
// a unit. Names such as db1 are none.
var varying = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z?` +
	`|\b\d+(\.\d+){3}(:\d+)?\b` +
	`|\b[0-9A-F]+/[0-9A-F]+\b` +
	`|[-+]?\b\d[\d.,:e+-]*(ns|us|µs|ms|s|m|h|%|B|kB|MB|GB)?\b`)

// verdict is a sample whose value says yes or no, which is no measurement; of a counter that it is still 0.
var verdict = regexp.MustCompile(`^([a-z_]+(?:\{.*\})?) ([01])$`)

var letters = regexp.MustCompile(`\pL`)

// stable returns the words of a line that are the same in every run.
func stable(line string) string {
	line = strings.TrimSpace(line)
	if match := verdict.FindStringSubmatch(line); match != nil && (match[2] == "0" || !strings.Contains(match[1], "_total")) {
		return match[1] + " is " + map[string]string{"0": "no", "1": "yes"}[match[2]]
	}
	words := strings.Fields(varying.ReplaceAllString(line, " "))
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return !letters.MatchString(word) }), " ")
}

// missing returns the first line of a page whose stable words the output does not have, after those of the lines
// before it; "" if it has all.
func missing(page, output string) string {
	rest := strings.Split(output, "\n")
	for _, line := range strings.Split(page, "\n") {
		want := stable(line)
		if want == "" {
			continue
		}
		at := slices.IndexFunc(rest, func(got string) bool { return stable(got) == want })
		if at < 0 {
			return line
		}
		rest = rest[at+1:]
	}
	return ""
}
