package pgnode

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// allowedValues are the values of the parameters that allow only a few.
var allowedValues = map[string][]string{
	"sslmode":              {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
	"sslcertmode":          {"disable", "allow", "require"},
	"sslnegotiation":       {"", "postgres", "direct"},
	"sslsni":               {"", "0", "1"},
	"target_session_attrs": {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
	"channel_binding":      {"", "disable", "prefer", "require"},
	"min_protocol_version": {"", "3.0", "3.2", "latest"},
	"max_protocol_version": {"", "3.0", "3.2", "latest"},
}

func notOneOf(name string) error {
	values := slices.DeleteFunc(slices.Clone(allowedValues[name]), func(value string) bool { return value == "" })
	return fmt.Errorf("%s is not one of %s", name, strings.Join(values, ", "))
}

// secretParameters are the parameters whose values may hold anything.
var secretParameters = []string{"password", "sslpassword"}

// checkValue refuses a value that cannot be intended. Values go to the server,
// whose log shows them, so a password that slipped into one would leak.
func checkValue(name, value string) error {
	if slices.Contains(secretParameters, name) {
		return nil
	}
	switch values, few := allowedValues[name]; {
	case few && !slices.Contains(values, value):
		return notOneOf(name)
	case name == "port":
		return checkPorts(value)
	case name == "connect_timeout":
		if seconds, err := strconv.ParseInt(value, 10, 32); err != nil || seconds < 0 {
			return errors.New("connect_timeout is not a number of seconds")
		}
	}
	return checkGlued(name, value)
}

func checkPorts(list string) error {
	for port := range strings.SplitSeq(list, ",") {
		if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
			return errors.New("a port is not a number from 1 to 65535; the same error appears when the password in a URL contains a / or lacks the @ after it: " + percentEncode)
		}
	}
	return nil
}

var (
	// pairWithin is a parameter inside the value of another.
	pairWithin     = regexp.MustCompile(`(?i)(^|[^a-z0-9_])(` + strings.Join(commonWords, "|") + `)\s*=`)
	passwordWithin = regexp.MustCompile(`(?i)(pass|passwd|password|pwd)\s*[=:]`)
	commonWords    = []string{
		"host", "hostaddr", "port", "dbname", "database", "db", "user", "username", "uid", "user id", "server",
		"sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "options", "service", "connect_timeout", "target_session_attrs",
	}
)

// checkGlued refuses a value that ran into the next pair, or holds a whole
// connection string.
func checkGlued(name, value string) error {
	// What neither has is most values, of thousands in a file.
	if strings.ContainsAny(value, "=:") && (passwordWithin.MatchString(value) || name != "options" && pairWithin.MatchString(value)) {
		if separator := strings.IndexAny(value, ";,&"); separator >= 0 {
			return fmt.Errorf("the value of %s runs into the next pair: pairs are separated by spaces, not by %q", name, value[separator])
		}
		return fmt.Errorf("the value of %s runs into the next pair: it is empty, or lacks a quote or a plain space after it", name)
	}
	if strings.Contains(value, "://") {
		return fmt.Errorf("the value of %s is itself a connection string; give only that one", name)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return invisible(r) && r != ' ' }) || !utf8.ValidString(value) {
		return fmt.Errorf("the value of %s has a line break, a no-break space or another invisible character", name)
	}
	return nil
}

var (
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253})$`)
	zonePattern = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)
)

// checkHost refuses what cannot be a host or a socket's directory: the host
// appears in every label, error and line of the log.
func checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil && zonePattern.MatchString(addr.Zone()) || hostPattern.MatchString(host) {
		return nil
	}
	isPath := strings.HasPrefix(host, "/") || regexp.MustCompile(`^[A-Z]:\\`).MatchString(host)
	switch {
	case checkGlued("host", host) != nil:
		return checkGlued("host", host)
	case isPath && !strings.ContainsAny(host, "=;@?&,'\"`"):
		return nil
	case strings.Contains(host, ";"):
		return errors.New("the host has a semicolon: pairs are separated by spaces, not by semicolons")
	case strings.ContainsFunc(host, isQuote):
		return errors.New("the host has quotes: only the plain ' quotes a value")
	case !isPath && strings.Contains(host, ":"):
		return errors.New("the host has a colon: the port has a keyword of its own, as in host=db port=5432, and an IPv6 address is written without brackets there")
	}
	return errors.New("the host has characters that no host has: give a name of letters, digits, '-', '.' and '_', " +
		"an address, or the absolute path of a socket's directory; in a URL, " + strings.TrimPrefix(percentEncode, "in a URL, "))
}

// checkUser and checkDatabase refuse a name that seems to contain another part
// of the connection string: both appear in errors, and in the server's log.
func checkUser(user string) error { return checkName("user", user, ":;=/&?,") }

func checkDatabase(database string) error { return checkName("database", database, ":;=@&?") }

func checkName(what, name, forbidden string) error {
	if err := checkGlued(what, name); err != nil {
		return err
	}
	if strings.ContainsAny(name, forbidden) {
		return fmt.Errorf("the %s has one of the characters %s, so a part of a password could be in it; "+
			"separate user and password by a plain : in a URL, pairs by spaces, and %s", what, forbidden, strings.TrimPrefix(percentEncode, "in a URL, "))
	}
	first, last := strings.IndexFunc(name, isQuote), strings.LastIndexFunc(name, isQuote)
	if first == 0 || last >= 0 && last == lastRune(name) {
		return fmt.Errorf("the %s begins or ends with a quote: only the plain ' quotes a value, and a URL has no quotes", what)
	}
	return nil
}

// isQuote reports whether people, shells or text processors use a character as a
// quote.
func isQuote(r rune) bool {
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return false
	}
	return strings.ContainsRune("'\"`´", r) || unicode.In(r, unicode.Pi, unicode.Pf) || r == '‚' || r == '„'
}

// lastRune returns where the last character begins.
func lastRune(s string) int {
	_, size := utf8.DecodeLastRuneInString(s)
	return len(s) - size
}

// invisible reports whether a character is a space of any kind, a control
// character or a mark such as a byte order mark.
func invisible(r rune) bool {
	if ' ' < r && r <= '~' {
		return false // Most are in ASCII, and the tables take their time.
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z)
}
