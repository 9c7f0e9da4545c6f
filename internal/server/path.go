package server

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plainPath is a path that means the same to a browser, a proxy and a pattern of
// net/http: nothing to escape, to clean or to expand.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// CheckMetricsPath says what is wrong with a path for the metrics; nil if nothing is.
func CheckMetricsPath(path string) error {
	segments := strings.Split(path, "/")[1:]
	switch {
	case path == "/":
		return fmt.Errorf("%q is the landing page's: give a path such as /metrics", path)
	case !plainPath.MatchString(path):
		return fmt.Errorf("%q is no plain path: give a path such as /metrics, "+
			"letters, digits and - . _ ~ between slashes, without a slash at the end", path)
	case slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		return fmt.Errorf("%q has a segment of dots alone, which clients take out: give a path such as /metrics", path)
	case segments[0] == "-", path == ProbePath:
		return fmt.Errorf("%q is the exporter's own, as %s and all below /-/ are: give a path such as /metrics", path, ProbePath)
	}
	return nil
}
