package discovery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// patroniInterval is how often Patroni is asked: as often as it looks itself by default
	// (loop_wait).
	patroniInterval = 10 * time.Second
	// patroniSoon is how often it is asked while a member does not run, or has gone, which
	// may come back at another address.
	patroniSoon = 3 * time.Second
)

// PatroniOptions say where and how Patroni is asked.
type PatroniOptions struct {
	URLs []string // of members' REST interfaces, such as http://pg1.example:8008; one at least
	// The files of https, in PEM, read again each time Patroni is asked. Without CAFile the
	// system's authorities count; CertFile and KeyFile are for verify_client.
	CAFile, CertFile, KeyFile string
}

// Patroni finds the members of a Patroni cluster by GET /cluster.
type Patroni struct {
	options   PatroniOptions
	urls      []string // where the given members answer, in the order they are asked
	encrypted bool     // all of them by https, so that the others are asked no other way
	memory    memory
}

var _ Source = (*Patroni)(nil)

// NewPatroni returns the source. An error says which URL or option is wrong, and
// quotes none.
func NewPatroni(options PatroniOptions) (*Patroni, error) {
	if len(options.URLs) == 0 {
		return nil, errors.New("patroni: name the URL of one member at least")
	}
	if (options.CertFile == "") != (options.KeyFile == "") {
		return nil, errors.New("patroni: a certificate needs its key, and a key its certificate: name both files or neither")
	}
	p := &Patroni{options: options, encrypted: true}
	for i, given := range options.URLs {
		address, err := clusterURL(given)
		if err != nil {
			return nil, fmt.Errorf("patroni: URL %d %w", i+1, err)
		}
		p.encrypted = p.encrypted && strings.HasPrefix(address, "https:")
		if !slices.Contains(p.urls, address) {
			p.urls = append(p.urls, address)
		}
	}
	return p, nil
}

// KindPatroni is the Kind of a Patroni.
const KindPatroni = "patroni"

// Kind is patroni.
func (p *Patroni) Kind() string { return KindPatroni }

// Find asks the given members in turn, first the one that answered last, then those
// that were found earlier, until one answers.
func (p *Patroni) Find(ctx context.Context) (Found, time.Duration, error) {
	client, err := p.newClient()
	if err != nil {
		return Found{}, 0, err
	}
	var failures []string
	for _, address := range p.urls {
		answer, err := client.ask(ctx, address)
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		p.urls = toFront(p.urls, address)
		return p.take(answer)
	}
	for _, known := range p.memory.others(p.urls, p.encrypted) {
		answer, err := client.ask(ctx, known.url)
		if err == nil {
			err = p.memory.vouch(known, answer)
		}
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		return p.take(answer)
	}
	return Found{}, 0, fmt.Errorf("no member of Patroni tells of the cluster: %s", strings.Join(failures, "; "))
}

// take remembers an answer, and makes what was found of it.
func (p *Patroni) take(answer patroniCluster) (Found, time.Duration, error) {
	p.memory = p.memory.after(answer, time.Now())
	again := patroniInterval
	if !p.memory.settled() {
		again = patroniSoon
	}
	return Found{
		Nodes: p.memory.nodes(), Paused: answer.paused, Switchover: answer.switchover, Skipped: answer.skipped,
	}, again, nil
}

// toFront returns the addresses with one of them before the others.
func toFront(addresses []string, first string) []string {
	others := slices.DeleteFunc(slices.Clone(addresses), func(each string) bool { return each == first })
	return append([]string{first}, others...)
}

// clusterURL returns where a member tells of its cluster. The URL may end with
// /patroni, as Patroni writes its own, or with /cluster.
func clusterURL(given string) (string, error) {
	address, err := url.Parse(strings.TrimSpace(given))
	switch {
	case err != nil || address.Host == "" || address.Hostname() == "":
		return "", errors.New("is not of the form http://HOST:PORT or https://HOST:PORT")
	case address.Scheme != "http" && address.Scheme != "https":
		return "", errors.New("begins with neither http:// nor https://")
	case address.User != nil:
		return "", errors.New("has a user or a password, which Patroni asks nobody for who only reads; leave it out")
	case address.RawQuery != "" || address.Fragment != "":
		return "", errors.New("has a ? or a #; leave out what begins there")
	}
	path := strings.TrimRight(address.Path, "/")
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/patroni"), "/cluster")
	return (&url.URL{Scheme: address.Scheme, Host: strings.ToLower(address.Host), Path: path + "/cluster"}).String(), nil
}

// tlsConfig reads the files of https.
func (o PatroniOptions) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		content, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("patroni: the authorities' certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("patroni: %s holds no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("patroni: the client's certificate in %s and its key in %s: %w", o.CertFile, o.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
