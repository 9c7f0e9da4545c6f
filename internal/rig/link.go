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

// Link is the proxy that the replica's replication passes.
type Link struct{ proxy *toxiproxy.Proxy }

func newLink(upstream string) (*Link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &Link{toxiproxy.NewProxy(server, "replication", "127.0.0.1:0", upstream)}
	return l, l.proxy.Start()
}

func (l *Link) addr() string  { return l.proxy.Listen }
func (l *Link) close()        { l.proxy.Stop() }
func (l *Link) toxic() string { return "replication" }

// Delay makes all that the primary sends arrive later by delay, in place of
// what the link suffered from before; 0 is a link that is well.
func (l *Link) Delay(ctx context.Context, delay time.Duration) error {
	if delay == 0 {
		return l.Mend(ctx)
	}
	return l.suffer(ctx, "latency", map[string]int64{"latency": delay.Milliseconds()})
}

// BlackHole drops all that the primary sends, without closing a connection.
func (l *Link) BlackHole(ctx context.Context) error {
	return l.suffer(ctx, "timeout", map[string]int64{"timeout": 0})
}

// Cut closes the connection, and every new one as soon as it is made.
func (l *Link) Cut(ctx context.Context) error {
	return l.suffer(ctx, "timeout", map[string]int64{"timeout": 1})
}

// Mend makes the link well.
func (l *Link) Mend(ctx context.Context) error {
	err := l.proxy.Toxics.RemoveToxic(ctx, l.toxic())
	if errors.Is(err, toxiproxy.ErrToxicNotFound) {
		return nil
	}
	return err
}

func (l *Link) suffer(ctx context.Context, kind string, attributes map[string]int64) error {
	if err := l.Mend(ctx); err != nil {
		return err
	}
	description, err := json.Marshal(map[string]any{
		"name": l.toxic(), "type": kind, "stream": "downstream", "attributes": attributes,
	})
	if err != nil {
		return err
	}
	_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(description)))
	return err
}
