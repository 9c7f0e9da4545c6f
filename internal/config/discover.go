package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

var dnsPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$`)

// dnsName says whether a text can be looked up.
func dnsName(text string) bool { return len(text) <= 254 && dnsPattern.MatchString(text) }

// discover checks where a cluster's nodes are found.
func (l *loader) discover(c *Cluster) {
	d := c.Discover
	given := 0
	for _, source := range []any{&d.Patroni, &d.DNS, &d.SRV} {
		if l.at[source] != nil {
			given++
		}
	}
	if given != 1 {
		l.fault(l.at[d], "discover has one of patroni, dns and srv: give that one")
	}
	l.patroni(d)
	l.certificates(d)
	l.lookedUp(&d.DNS, "dns", "a name such as carts-nodes.db.svc.cluster.local")
	l.lookedUp(&d.SRV, "srv", "a name such as _postgresql._tcp.search.example")
	switch {
	case !l.good(&d.Port):
	case d.Port < 1 || d.Port > 65535:
		l.refuse(&d.Port, "port is not a number from 1 to 65535")
	case l.at[&d.DNS] == nil:
		l.refuse(&d.Port, "port goes with dns alone, the others tell the ports: remove it")
	}
	if own := l.at[&c.DSN]; l.good(&c.DSN) {
		if dsn, err := pgnode.SplitDSN(own.Value); err == nil && dsn.Gives("host") {
			l.fault(own, "dsn gives a host, and discover finds the hosts: remove one of them")
		}
	}
}

// patroni checks the URLs.
func (l *loader) patroni(d *Discover) {
	for i := range d.Patroni {
		member := &d.Patroni[i]
		if !l.good(member) {
			continue
		}
		if text := patroniMistake(*member); text != "" {
			l.refuse(member, "%s", text)
		} else if first := slices.Index(d.Patroni, *member); first < i {
			l.refuse(member, "this URL is given twice: remove one; the first is in line %d", l.at[&d.Patroni[first]].Line)
		}
	}
}

// patroniMistake returns what is wrong with a URL of Patroni's REST API. It does not quote it.
func patroniMistake(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !dnsName(u.Hostname()) && !isAddress(u.Hostname()):
		return "this is not a URL of Patroni's REST API: give one such as http://pg1.example:8008"
	case u.User != nil:
		return "the URL has a user or a password, which Patroni's GET /cluster does not need: remove it"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "the URL has a ? or a #: give scheme, host and port, and the path where a proxy adds one"
	}
	return ""
}

// certificates checks the files of https.
func (l *loader) certificates(d *Discover) {
	for _, file := range []struct {
		key  string
		path *string
	}{{"ca_file", &d.CAFile}, {"cert_file", &d.CertFile}, {"key_file", &d.KeyFile}} {
		if l.path(file.path, file.key); !l.good(file.path) {
			continue
		}
		switch encrypted := func(url string) bool { return strings.HasPrefix(url, "https:") }; {
		case *file.path == "":
			l.refuse(file.path, "%s is empty: give the path of a file, or remove it", file.key)
		case l.at[&d.Patroni] == nil:
			l.refuse(file.path, "%s goes with patroni alone: remove it", file.key)
		case l.good(&d.Patroni) && !slices.ContainsFunc(d.Patroni, encrypted):
			l.refuse(file.path, "%s has no effect, as no URL of patroni begins with https: remove it, or correct the URLs", file.key)
		}
	}
	switch cert, key := l.at[&d.CertFile], l.at[&d.KeyFile]; {
	case cert != nil && key == nil:
		l.fault(cert, "cert_file needs its private key: give key_file too")
	case key != nil && cert == nil:
		l.fault(key, "key_file needs its certificate: give cert_file too")
	}
}

// lookedUp checks a name for the name service.
func (l *loader) lookedUp(name *string, key, example string) {
	switch {
	case !l.good(name):
	case isAddress(*name):
		l.refuse(name, "%s is an address: give %s, or list addresses as nodes", key, example)
	case !dnsName(*name):
		l.refuse(name, "%s is not a name of the domain name service: give %s", key, example)
	}
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
