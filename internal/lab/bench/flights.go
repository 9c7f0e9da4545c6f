//go:build unix

package bench

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// oneWay is how long a segment is held: longer than a server takes for an answer, so that
// what a client sends in two pieces, without having heard anything between, is one flight.
const oneWay = 20 * time.Millisecond

// flights is a proxy that counts round trips: how often a client sent something after
// it had heard from the server.
type flights struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	trips   int
	sending bool // the client, and it has heard nothing since
}

// newFlights starts a proxy to an address.
func newFlights(ctx context.Context, target string) (*flights, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &flights{listener: listener, target: target}
	f.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // It was closed.
			}
			f.running.Go(func() { f.pass(ctx, client) })
		}
	})
	return f, nil
}

func (f *flights) addr() string { return f.listener.Addr().String() }

// take returns the round trips since it was called last, of which the first connects.
func (f *flights) take() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	trips := f.trips
	f.trips, f.sending = 0, false
	return trips
}

// close waits until no connection is left.
func (f *flights) close() error {
	err := f.listener.Close()
	f.running.Wait()
	return err
}

func (f *flights) pass(ctx context.Context, client net.Conn) {
	f.mu.Lock()
	f.trips++ // The handshake of TCP.
	f.mu.Unlock()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", f.target)
	if err != nil {
		_ = client.Close()
		return
	}
	var passing sync.WaitGroup
	passing.Go(func() { f.carry(client, server, true) })
	passing.Go(func() { f.carry(server, client, false) })
	passing.Wait()
}

// carry passes on what one side sends, a while later, and then its end.
func (f *flights) carry(from, to net.Conn, isClient bool) {
	defer func() { _ = errors.Join(from.Close(), to.Close()) }() // The other direction may have done it.
	data := make([]byte, 1<<16)
	for {
		n, err := from.Read(data)
		if err != nil {
			return
		}
		if isClient {
			f.note(true)
		}
		time.Sleep(oneWay)
		if !isClient {
			f.note(false)
		}
		if _, err := to.Write(data[:n]); err != nil {
			return
		}
	}
}

// note notes who was heard last.
func (f *flights) note(client bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if client && !f.sending {
		f.trips++
	}
	f.sending = client
}
