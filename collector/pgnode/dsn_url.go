package pgnode

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

const (
	percentEncode = "in a URL, special characters of user and password are written percent-encoded (@ is %40, / is %2F, : is %3A)"
	notURL        = "the connection string is not a valid URL of the form postgres://user:password@host:5432/database; " + percentEncode
)

// cutScheme returns what follows the scheme of a URL.
func cutScheme(dsn string) (string, bool) {
	if rest, ok := strings.CutPrefix(dsn, "postgresql://"); ok {
		return rest, true
	}
	return strings.CutPrefix(dsn, "postgres://")
}

// splitURL splits a URL after its scheme as libpq does, with its lists of hosts,
// which net/url does not support. It refuses what could be read in two ways.
func splitURL(rest string) (settings, error) {
	if err := checkURL(rest); err != nil {
		return nil, err
	}
	found := settings{}
	userinfo, rest, hasUser := cutUser(rest)
	if strings.Contains(rest, "@") {
		return nil, errors.New("the connection string has more than one @, or one after the host; " + percentEncode)
	}
	if passwordWithin.MatchString(userinfo) || pairWithin.MatchString(userinfo) {
		return nil, errors.New("the connection string has a parameter before its @; " + percentEncode + " and = is %3D")
	}
	if hasUser {
		user, password, _ := strings.Cut(userinfo, ":")
		if err := found.decode(map[string]string{"user": user, "password": password}); err != nil {
			return nil, err
		}
	}
	rest, query, _ := cutQuery(rest)
	hosts, path, _ := strings.Cut(rest, "/")
	if strings.Contains(path, "/") {
		return nil, errors.New(notURL)
	}
	if err := found.decode(map[string]string{"dbname": path}); err != nil {
		return nil, err
	}
	if err := found.splitHosts(hosts); err != nil {
		return nil, err
	}
	return found, found.splitQuery(query)
}

// checkURL refuses what no URL contains.
func checkURL(rest string) error {
	switch {
	case strings.Contains(rest, "://"):
		return errors.New("the connection string has a second ://; each node needs its own connection string, in a variable one per line, and " + percentEncode)
	case strings.ContainsFunc(rest, invisible):
		return errors.New(notURL + ", a space %20; this one has a space, a line break or an invisible character")
	case strings.LastIndexFunc(rest, isQuote) >= 0 && strings.LastIndexFunc(rest, isQuote) == lastRune(rest):
		return errors.New(quotesAround)
	}
	return nil
}

// cutUser cuts user and password off the beginning. As in libpq, only a slash
// ends the search, so that a password may contain a question mark.
func cutUser(s string) (userinfo, rest string, found bool) {
	if i := strings.IndexAny(s, "@/"); i >= 0 && s[i] == '@' {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

func cutQuery(s string) (before, query string, found bool) { return strings.Cut(s, "?") }

// decode adds settings that are percent-encoded; empty ones count as not given.
func (s settings) decode(encoded map[string]string) error {
	for name, value := range encoded {
		if value == "" {
			continue
		}
		decoded, err := url.PathUnescape(value)
		if err != nil || strings.IndexByte(decoded, 0) >= 0 {
			return errors.New(notURL)
		}
		s[name] = decoded
	}
	return nil
}

// splitHosts splits host:port,host:port… into a list of hosts and one of ports.
func (s settings) splitHosts(list string) error {
	if list == "" {
		return nil
	}
	var hosts, ports []string
	for item := range strings.SplitSeq(list, ",") {
		host, port, err := splitHost(item)
		if err != nil {
			return err
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	// One empty port means PGPORT; several mean the default port, as in libpq.
	return s.decode(map[string]string{"host": strings.Join(hosts, ","), "port": strings.Join(ports, ",")})
}

func splitHost(item string) (host, port string, err error) {
	if inside, ok := strings.CutPrefix(item, "["); ok {
		host, port, ok = strings.Cut(inside, "]")
		bare, _, _ := strings.Cut(host, "%")
		if addr, err := netip.ParseAddr(bare); !ok || err != nil || !addr.Is6() || port != "" && port[0] != ':' {
			return "", "", errors.New("the connection string has a host in brackets that is not an IPv6 address; write one as [::1]:5432")
		}
		return host, strings.TrimPrefix(port, ":"), nil
	}
	host, port, _ = strings.Cut(item, ":")
	return host, port, nil
}

// splitQuery splits name=value&name=value….
func (s settings) splitQuery(query string) error {
	if query == "" {
		return nil
	}
	given := settings{}
	number := 0
	for pair := range strings.SplitSeq(strings.TrimSuffix(query, "&"), "&") {
		number++
		encodedName, encodedValue, ok := strings.Cut(pair, "=")
		name, nameErr := url.PathUnescape(encodedName)
		value, valueErr := url.PathUnescape(encodedValue)
		if !ok || strings.Contains(encodedValue, "=") || nameErr != nil || valueErr != nil || strings.IndexByte(value, 0) >= 0 {
			return fmt.Errorf("parameter number %d after the ? is not name=value; %s, = is %%3D, & is %%26 and %% is %%25", number, percentEncode)
		}
		if name == "ssl" {
			if value != "true" {
				return errors.New("ssl is supported only as ssl=true; otherwise write sslmode=disable or another sslmode")
			}
		} else {
			var err error
			if name, err = keyword(name, fmt.Sprintf("parameter number %d after the ?", number)); err != nil {
				return err
			}
		}
		if err := given.setOnce(name, value); err != nil {
			return err
		}
	}
	return s.merge(given)
}

// merge lets the query's parameters replace those before the ?, as in libpq.
func (s settings) merge(query settings) error {
	if _, ok := query["ssl"]; ok {
		delete(query, "ssl")
		switch query["sslmode"] {
		case "":
			query["sslmode"] = "require"
		case "disable", "allow", "prefer":
			return errors.New("ssl=true and sslmode contradict each other; give sslmode alone")
		}
	}
	for name, value := range query {
		s[name] = value
	}
	return nil
}
