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
	// InFlight is how many scrapes are served at the same time (64).
	InFlight int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Header:      cmp.Or(l.Header, 10*time.Second),
		Transfer:    cmp.Or(l.Transfer, 10*time.Second),
		Idle:        cmp.Or(l.Idle, 20*time.Second),
		HeaderBytes: cmp.Or(l.HeaderBytes, 16<<10),
		InFlight:    cmp.Or(l.InFlight, 64),
	}
}

// newServer returns a server within the limits, whose answers take at most longest.
func newServer(handler http.Handler, l Limits, longest time.Duration) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: l.Header,
		// When this time is over, net/http cancels the request that is being answered.
		ReadTimeout:    longest + l.Transfer,
		WriteTimeout:   longest + l.Transfer,
		IdleTimeout:    l.Idle,
		MaxHeaderBytes: l.HeaderBytes,
	}
}

// limitInFlight answers at once with 503 while n requests are being answered.
func limitInFlight(n int, next http.Handler) http.Handler {
	slots := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too many scrapes at the same time.", http.StatusServiceUnavailable)
		}
	})
}
