package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// ConfigPath is where an exporter tells the digest of its configuration.
const ConfigPath = "/api/v1/config"

const (
	// configTimeout is how long an exporter may take to tell its configuration.
	configTimeout = 10 * time.Second
	// largestConfig bounds what is read of an answer, in bytes: some hundred thousand clusters.
	largestConfig = 64 << 20
)

// RunningConfig asks a running exporter for the digest of its configuration. The base is its
// URL, such as http://exporter:10187, which is not quoted with a password.
func RunningConfig(ctx context.Context, base string) (config.Digest, error) {
	address, err := url.Parse(strings.TrimSuffix(base, "/") + ConfigPath)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return config.Digest{}, errors.New("that is not the URL of an exporter: give one such as http://exporter:10187")
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return config.Digest{}, errors.New("that is not the URL of an exporter: give one such as http://exporter:10187")
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return config.Digest{}, err
	}
	defer response.Body.Close() //nolint:errcheck // It was only read.
	if response.StatusCode != http.StatusOK {
		return config.Digest{}, fmt.Errorf("%s answers %s: is an exporter of this version there?", address.Redacted(), response.Status)
	}
	var running config.Digest
	if err := json.NewDecoder(io.LimitReader(response.Body, largestConfig)).Decode(&running); err != nil {
		return config.Digest{}, fmt.Errorf("the answer of %s is no digest of a configuration: %w", address.Redacted(), err)
	}
	return running, nil
}
