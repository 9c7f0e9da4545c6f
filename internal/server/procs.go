package server

import (
	"os"
	"runtime"
)

// LimitProcs lets as much Go code run at the same time as there are replicas to
// read at the same time, unless GOMAXPROCS is set, and returns what undoes it. A
// scrape mostly waits for servers. With more, the runtime wakes a second thread
// at each of a scrape's steps to look for work that is not there: on a pair that
// costs a third of the exporter's CPU, and takes it from servers on the same host.
func LimitProcs(replicas int) (undo func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(1, min(replicas, before)))
	return func() { runtime.GOMAXPROCS(before) }
}
