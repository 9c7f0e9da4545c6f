package pgnode

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// use says what happens to a parameter of a connection string.
type use int

const (
	taken   use = iota
	ignored     // it has no effect on the exporter
)

// takenParameters are those that the driver knows, and the settings that the user
// may make. The driver sends every other one to the server as a setting.
var takenParameters = []string{
	"host", "port", "dbname", "user", "password", "passfile", "service", "servicefile", "connect_timeout",
	"sslmode", "sslkey", "sslcert", "sslcertmode", "sslrootcert", "sslnegotiation", "sslpassword", "sslsni",
	"krbspn", "krbsrvname", "target_session_attrs", "channel_binding", "require_auth",
	"min_protocol_version", "max_protocol_version",
	"application_name", "options",
}

// ignoredParameters are dropped with a line in the log.
var ignoredParameters = []string{
	// Of libpq: a probe's deadline does more, Go's TLS does not compress, GSSAPI is not supported.
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	"fallback_application_name", "sslcompression", "ssl_max_protocol_version", "sslkeylogfile",
	"gsslib", "gssdelegation", "client_encoding",
	// Settings: the exporter's statements depend on none of them, or it sets its own.
	"search_path", "timezone", "TimeZone", "datestyle", "DateStyle", "intervalstyle", "IntervalStyle", "extra_float_digits",
	"bytea_output", "standard_conforming_strings", "statement_timeout", "lock_timeout", "transaction_timeout",
	"idle_in_transaction_session_timeout", "idle_session_timeout", "client_min_messages",
	"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count",
	// Of pgx's pool and cache, in strings that a Go application shares.
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter",
	"pool_max_conn_idle_time", "pool_health_check_period", "statement_cache_capacity", "statement_cache_mode",
	"description_cache_capacity", "default_query_exec_mode", "min_read_buffer_size",
}

// harmlessValues are the values with which a parameter is ignored; with any
// other it is refused.
var harmlessValues = map[string][]string{
	"gssencmode":               {"", "disable", "prefer"},
	"load_balance_hosts":       {"", "disable"},
	"ssl_min_protocol_version": {"", "TLSv1", "TLSv1.1", "TLSv1.2"},
	"requiressl":               {"", "0"},
	"replication":              {"", "false", "off", "no", "0"},
}

// refusedParameters are those that cannot be ignored: the connection would be
// less safe, or go elsewhere. Each has what to do instead.
var refusedParameters = map[string]string{
	"hostaddr":                      "give the address as host; with sslmode=verify-full, let the name resolve to it",
	"requirepeer":                   "it cannot be checked here; connect over TCP with sslmode=verify-full",
	"sslcrl":                        "revoked certificates would not be detected",
	"sslcrldir":                     "revoked certificates would not be detected",
	"gssencmode":                    "GSSAPI encryption is not supported; use TLS with sslmode",
	"load_balance_hosts":            "a node has to be the same server every time",
	"ssl_min_protocol_version":      "TLS 1.2 is the oldest version that is used; require a newer one on the server",
	"requiressl":                    "write sslmode=require",
	"replication":                   "a probe needs an ordinary session",
	"scram_client_key":              "give the password",
	"scram_server_key":              "give the password",
	"oauth_issuer":                  noOAuth,
	"oauth_client_id":               noOAuth,
	"oauth_client_secret":           noOAuth,
	"oauth_scope":                   noOAuth,
	"synchronous_commit":            "use --probe.synchronous-commit, or synchronous_commit of a configuration file",
	"default_transaction_read_only": "the exporter sets it",
}

const noOAuth = "OAuth is not supported; give a password or a client certificate"

// disposition decides what happens to a parameter by its name in libpq. An unknown
// name may be a part of a password, so the error does not contain it.
func disposition(name, value string) (use, error) {
	reason, isRefused := refusedParameters[name]
	switch {
	case slices.Contains(takenParameters, name):
		return taken, nil
	case slices.Contains(ignoredParameters, name), slices.Contains(harmlessValues[name], value):
		return ignored, nil
	case isRefused:
		return 0, fmt.Errorf("the parameter %s is not supported: %s", name, reason)
	}
	return 0, errors.New("the service has a parameter that libpq does not know; it is not named here, because it may be a part of a password")
}

// IsParameter says whether a word is the name of a parameter that the exporter uses.
func IsParameter(word string) bool { return slices.Contains(takenParameters, word) }

func isKnown(name string) bool {
	_, isRefused := refusedParameters[name]
	return isRefused || slices.Contains(takenParameters, name) || slices.Contains(ignoredParameters, name)
}

// aliases are the names in other drivers.
var aliases = map[string]string{
	"server": "host", "hostname": "host", "username": "user", "uid": "user", "userid": "user", "login": "user",
	"pass": "password", "passwd": "password", "pwd": "password", "db": "dbname", "initial_catalog": "dbname",
	"timeout": "connect_timeout", "currentschema": "options",
}

// keyword returns libpq's name of a parameter.
func keyword(word, where string) (string, error) {
	lower := strings.ToLower(word)
	switch {
	case word == "database":
		return "dbname", nil // As in the driver.
	case isKnown(word):
		return word, nil
	case lower == "database" || isKnown(lower):
		return "", fmt.Errorf("%s is not in lower case: write %s", where, lower)
	case aliases[lower] != "":
		return "", fmt.Errorf("%s is %s, the name in other drivers: write %s", where, lower, aliases[lower])
	}
	return "", fmt.Errorf("%s is not a parameter of libpq; it is not named here, because it may be a part of a password. "+
		"A password with spaces or quotes is written in '…', in a URL percent-encoded", where)
}

// usableByDriver returns the checked settings for the driver, and the names of
// those that have no effect here.
func (s settings) usableByDriver() (settings, []string, error) {
	used, dropped := settings{}, []string(nil)
	for _, name := range sortedUnique(namesOf(s)) {
		use, err := disposition(name, s[name])
		if err != nil {
			return nil, nil, err
		}
		if err := checkValue(name, s[name]); err != nil {
			return nil, nil, err
		}
		if use == ignored {
			dropped = append(dropped, name)
		} else {
			used[name] = s[name]
		}
	}
	return used, dropped, nil
}

func namesOf(s settings) (names []string) {
	for name := range s {
		names = append(names, name)
	}
	return names
}

// libpqVariables are the variables of libpq that the driver does not read, but
// that must not be ignored.
var libpqVariables = map[string]string{
	"PGHOSTADDR": "hostaddr", "PGREQUIREPEER": "requirepeer", "PGSSLCRL": "sslcrl", "PGSSLCRLDIR": "sslcrldir",
	"PGGSSENCMODE": "gssencmode", "PGREQUIRESSL": "requiressl", "PGLOADBALANCEHOSTS": "load_balance_hosts",
	"PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
}

func checkEnvironment() error {
	for variable, name := range libpqVariables {
		if value := os.Getenv(variable); value != "" {
			if _, err := disposition(name, value); err != nil {
				return fmt.Errorf("the variable %s is set: %w", variable, err)
			}
		}
	}
	return nil
}
