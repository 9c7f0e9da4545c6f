package server

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// newCompression returns what compresses answers for the clients that take it. promhttp does that at gzip's default
// level alone, which takes as long as all the rest of an answer. This level keeps no tables from one answer
// to the next, and makes one that is written in one piece a fifth larger.
func newCompression() (func(http.Handler) http.HandlerFunc, error) {
	return gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.StatelessCompression), gzhttp.EnableZstd(false))
}
