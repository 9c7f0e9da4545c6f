package discovery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// patroniTimeout is how long one member may take, from the dial to the end of its answer.
	patroniTimeout = 3 * time.Second
	// patroniLimit is how many bytes an answer may have: a thousand members with their tags.
	patroniLimit = 1 << 20
)

// patroniClient asks members, with the files of https as they were when it was made.
type patroniClient struct{ http *http.Client }

// newClient keeps no connection: Patroni closes each by itself. It goes through no
// proxy, and follows no redirect: what is asked for was named by the user or by Patroni.
func (p *Patroni) newClient() (patroniClient, error) {
	config, err := p.options.tlsConfig()
	if err != nil {
		return patroniClient{}, err
	}
	return patroniClient{&http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patroniTimeout,
	}}, nil
}

// ask gets the cluster of one member. Every error names the address.
func (c patroniClient) ask(ctx context.Context, address string) (patroniCluster, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return patroniCluster{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return patroniCluster{}, err
	}
	defer response.Body.Close() //nolint:errcheck // What was needed of it is read.
	if response.StatusCode != http.StatusOK {
		return patroniCluster{}, fmt.Errorf("GET %s is answered by %d %s, not by 200", address, response.StatusCode, http.StatusText(response.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, patroniLimit+1))
	if err != nil {
		return patroniCluster{}, fmt.Errorf("GET %s: the answer breaks off: %w", address, err)
	}
	if len(body) > patroniLimit {
		return patroniCluster{}, fmt.Errorf("GET %s: the answer has more than %d bytes", address, patroniLimit)
	}
	cluster, err := parseCluster(body)
	if err != nil {
		return patroniCluster{}, fmt.Errorf("GET %s: %w", address, err)
	}
	return cluster, nil
}
