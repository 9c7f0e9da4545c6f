package server

import (
	"cmp"
	"net/http"
	"time"
)

// Limits bound what slow or many clients can take from the server. A field that
// is 0 has the default in brackets.
type Limits struct {
	// Header is how long the header of a request may take (10 s).
	Header time.Duration
	// Transfer is how long it may take to receive the rest of a request and to
	// send its answer, beyond the time of the longest probe (10 s).
	Transfer time.Duration
	// Idle is how long a connection is kept open for the next request (20 s).
	// A scraper with a longer interval opens a new one each time.
	Idle time.Duration
	// HeaderBytes is how large the header of a request may be (16 KiB).
	HeaderBytes int
	// InFlight is how many scrapes of one cluster are served at the same time (64).
	InFlight int
	// Checks is how many health checks are answered at the same time (4096).
	Checks int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Header:      cmp.Or(l.Header, 10*time.Second),
		Transfer:    cmp.Or(l.Transfer, 10*time.Second),
		Idle:        cmp.Or(l.Idle, 20*time.Second),
		HeaderBytes: cmp.Or(l.HeaderBytes, 16<<10),
		InFlight:    cmp.Or(l.InFlight, 64),
		Checks:      cmp.Or(l.Checks, 4096),
	}
}

// newServer returns a server within the limits.
func newServer(handler http.Handler, l Limits) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: l.Header,
		// When this time is over, net/http cancels the request that is being answered. Scrapes have it extended.
		ReadTimeout:    l.Header + l.Transfer,
		WriteTimeout:   l.Transfer,
		IdleTimeout:    l.Idle,
		MaxHeaderBytes: l.HeaderBytes,
	}
}
