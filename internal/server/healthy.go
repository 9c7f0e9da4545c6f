package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// Healthy requests /-/healthy from the exporter that was started on this host
// with these flags, and returns nil if it answers. A demand for a password, for a
// client certificate or to wait (429) is an answer: the exporter runs.
func Healthy(ctx context.Context, flags *web.FlagConfig) error {
	inquiry, err := newInquiry(flags)
	if err != nil {
		return err
	}
	var errs []error
	for _, address := range inquiry.addresses {
		err := inquiry.askHealthy(ctx, address)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return &UnhealthyError{errors.Join(errs...)}
}

// UnhealthyError means that no address gave a healthy exporter's answer.
type UnhealthyError struct{ Err error }

func (e *UnhealthyError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong at each address.
func (e *UnhealthyError) Unwrap() error { return e.Err }

// inquiry says where and how to ask.
type inquiry struct {
	addresses         []string
	encrypted         bool // https
	wantsCertificates bool // clients without one are refused
}

func newInquiry(flags *web.FlagConfig) (*inquiry, error) {
	if flags.WebSystemdSocket != nil && *flags.WebSystemdSocket {
		return nil, errors.New("--web.systemd-socket: systemd holds the address; ask systemd for the state of the unit, or request /-/healthy where the socket listens")
	}
	q := &inquiry{}
	for _, listening := range *flags.WebListenAddresses {
		addresses, err := reachableAddresses(listening)
		if err != nil {
			return nil, fmt.Errorf("--web.listen-address=%s: %w", listening, err)
		}
		q.addresses = append(q.addresses, addresses...)
	}
	if len(q.addresses) == 0 {
		return nil, errors.New("--web.listen-address: vsock addresses cannot be reached from the same host: add an address such as 127.0.0.1:10187")
	}
	if file := *flags.WebConfigFile; file != "" {
		config, err := readWebConfig(file)
		if err != nil {
			return nil, fmt.Errorf("--web.config.file: %w", err)
		}
		q.encrypted = config.TLSConfig.IsEnabled()
		switch config.TLSConfig.ClientAuth {
		case "RequireAnyClientCert", "RequireClientCert", "RequireAndVerifyClientCert":
			q.wantsCertificates = true
		}
	}
	return q, nil
}

// readWebConfig reads the file that decides between http and https, into
// exporter-toolkit's own structure and as exporter-toolkit reads it.
func readWebConfig(file string) (*web.Config, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := &web.Config{}
	if err := yaml.UnmarshalStrict(content, config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return config, nil
}

// reachableAddresses returns the addresses that reach a listening address from
// the same host; none for vsock.
func reachableAddresses(listening string) ([]string, error) {
	if strings.HasPrefix(listening, "vsock://") {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return nil, err
	}
	if port == "0" || port == "" {
		return nil, errors.New("the exporter chose a free port, and nobody else knows which: give it a fixed port")
	}
	hosts := []string{host}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		hosts = []string{"127.0.0.1", "::1"} // It listens everywhere, so on the loopback of IPv4, IPv6 or both.
	}
	addresses := make([]string, len(hosts))
	for i, host := range hosts {
		addresses[i] = net.JoinHostPort(host, port)
	}
	return addresses, nil
}

// answerTimeout is how long one address may take to answer.
const answerTimeout = 3 * time.Second

// askHealthy asks one address.
func (q *inquiry) askHealthy(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	scheme := "http"
	if q.encrypted {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+strings.ReplaceAll(address, "%", "%25")+"/-/healthy", nil)
	if err != nil {
		return err
	}
	response, err := q.newClient().Do(request)
	if err != nil {
		if q.wantsCertificates && refusedByAlert(err) {
			return nil
		}
		return err
	}
	defer response.Body.Close() //nolint:errcheck // Only the status counts.
	switch response.StatusCode {
	case http.StatusOK, http.StatusUnauthorized, http.StatusTooManyRequests:
		return nil
	}
	return fmt.Errorf("the exporter at %s answers %s", address, response.Status)
}

func (q *inquiry) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{
				// The certificate is for the name that the scraper uses, and the
				// server decides which versions it allows.
				InsecureSkipVerify: true, //nolint:gosec // On this host.
				MinVersion:         tls.VersionTLS10,
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// refusedByAlert is true when the other side spoke TLS and sent an alert: with
// TLS 1.2 that ends the handshake, with 1.3 it comes in place of the answer.
func refusedByAlert(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "remote error"
}
