//go:build unix

package guides

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is a long way to a server.
type link struct{ proxy *toxiproxy.Proxy }

// newLink starts a proxy to an address that passes everything on later, in both directions.
func newLink(upstream string, late time.Duration) (*link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{toxiproxy.NewProxy(server, "far", host+":0", upstream)}
	if err := l.proxy.Start(); err != nil {
		return nil, err
	}
	for _, direction := range []string{"upstream", "downstream"} {
		toxic, err := json.Marshal(map[string]any{
			"name": direction, "type": "latency", "stream": direction, "attributes": map[string]int64{"latency": late.Milliseconds()},
		})
		if err == nil {
			_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic)))
		}
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	return l, nil
}

func (l *link) address() string { return l.proxy.Listen }

func (l *link) close() error {
	l.proxy.Stop()
	return nil
}
