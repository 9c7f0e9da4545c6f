package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthy asks the exporter on this host for /-/healthy: an image without a
// shell has no other way. An exporter that wants a password is healthy too.
func healthy(ctx context.Context, o *options) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, port, err := net.SplitHostPort((*o.web.WebListenAddresses)[0])
	if err != nil {
		return fmt.Errorf("--web.listen-address: %w", err)
	}
	scheme := "http"
	transport := &http.Transport{DisableKeepAlives: true}
	if *o.web.WebConfigFile != "" {
		scheme = "https"
		// The certificate is made for the name that the scraper uses.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // On loopback.
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort("localhost", port)+"/-/healthy", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return &statusError{1, err}
	}
	defer response.Body.Close() //nolint:errcheck // Only the status counts.
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized {
		return &statusError{1, fmt.Errorf("the exporter answers %s", response.Status)}
	}
	return nil
}
