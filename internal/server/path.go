package server

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plainPath matches a path that means the same to a browser, a proxy and a
// pattern of net/http: nothing to escape, clean or expand.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// reserved are what the exporter's own paths begin with.
var reserved = []string{"-", "api", "assets", "clusters", FreshPath[1:], WritablePath[1:]}

// CheckMetricsPath says what is wrong with a path for the metrics; nil if nothing is.
func CheckMetricsPath(path string) error {
	segments := strings.Split(path, "/")[1:]
	switch {
	case path == "/":
		return fmt.Errorf("%q is the path of the status page: give a path such as /metrics", path)
	case !plainPath.MatchString(path):
		return fmt.Errorf("%q is not a plain path: give a path such as /metrics, "+
			"with letters, digits and - . _ ~ between slashes, and no slash at the end", path)
	case slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		return fmt.Errorf("%q has a segment that is only dots, which clients remove: give a path such as /metrics", path)
	case slices.Contains(reserved, segments[0]), path == ProbePath, path == TargetsPath:
		return fmt.Errorf("%q is reserved for the exporter, like %s, %s and everything below /%s/: give a path such as /metrics",
			path, ProbePath, TargetsPath, strings.Join(reserved, "/, /"))
	}
	return nil
}
