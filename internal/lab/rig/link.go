//go:build unix

package rig

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is a proxy between two programs, such as the one that the replica's replication passes.
type Link struct{ proxy *toxiproxy.Proxy }

// NewLink starts one to an address. It is well, and to be closed.
func NewLink(upstream string) (*Link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &Link{toxiproxy.NewProxy(server, "replication", "127.0.0.1:0", upstream)}
	return l, l.proxy.Start()
}

// Addr is the address that the link is reached at.
func (l *Link) Addr() string { return l.proxy.Listen }

// Close ends the link with all its connections.
func (l *Link) Close() { l.proxy.Stop() }

// The two directions of the link, as the proxy names them.
const (
	fromPrimary = "downstream"
	toPrimary   = "upstream"
)

// Delay makes all that the primary sends arrive later by delay, in place of
// what the link suffered from before; 0 is a link that is well.
func (l *Link) Delay(ctx context.Context, delay time.Duration) error {
	if delay == 0 {
		return l.Mend(ctx)
	}
	return l.suffer(ctx, "latency", map[string]int64{"latency": delay.Milliseconds()}, fromPrimary)
}

// Far makes all that either side sends arrive later by late, so that the round trip takes twice as long.
func (l *Link) Far(ctx context.Context, late time.Duration) error {
	return l.suffer(ctx, "latency", map[string]int64{"latency": late.Milliseconds()}, fromPrimary, toPrimary)
}

// BlackHole drops all that either side sends, without closing a connection.
func (l *Link) BlackHole(ctx context.Context) error {
	return l.suffer(ctx, "timeout", map[string]int64{"timeout": 0}, fromPrimary, toPrimary)
}

// Cut closes the connection, and every new one as soon as it is made.
func (l *Link) Cut(ctx context.Context) error {
	return l.suffer(ctx, "timeout", map[string]int64{"timeout": 1}, fromPrimary)
}

// Mend makes the link well.
func (l *Link) Mend(ctx context.Context) error {
	for _, direction := range []string{fromPrimary, toPrimary} {
		// A toxic has the name of the direction that it is in.
		err := l.proxy.Toxics.RemoveToxic(ctx, direction)
		if err != nil && !errors.Is(err, toxiproxy.ErrToxicNotFound) {
			return err
		}
	}
	return nil
}

func (l *Link) suffer(ctx context.Context, kind string, attributes map[string]int64, directions ...string) error {
	if err := l.Mend(ctx); err != nil {
		return err
	}
	for _, direction := range directions {
		description, err := json.Marshal(map[string]any{
			"name": direction, "type": kind, "stream": direction, "attributes": attributes,
		})
		if err != nil {
			return err
		}
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(string(description))); err != nil {
			return err
		}
	}
	return nil
}
