package pgnode

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// connection is the result of a connection string, the environment and the
// service file together.
type connection struct {
	config  *pgconn.Config
	address Address
	// dropped are the parameters that have no effect on the exporter.
	dropped []string
	// ownPassword is true where the string itself has the password.
	ownPassword bool
}

// readDSN accepts what is provably a URL or keyword=value pairs, and refuses the
// rest. Anything else would be guesswork, and a wrong guess makes a password the
// name of a host, a user or a setting. An error never quotes the string or a
// part of it, except the name of a parameter that is on a list.
func readDSN(dsn string) (connection, error) {
	given, err := splitUsable(dsn)
	if err != nil {
		return connection{}, err
	}
	settings, dropped, err := given.usableByDriver()
	if err != nil {
		return connection{}, err
	}
	if err := checkEnvironment(); err != nil {
		return connection{}, err
	}
	// The driver gets the parsed settings, not the string: two parsers that
	// differ in a detail would check one thing and send another.
	config, err := settings.parse()
	if err != nil {
		return connection{}, settings.explain(err)
	}
	more, err := checkConfig(config)
	if err != nil {
		return connection{}, err
	}
	shareRoots(config)
	config.BuildFrontend, config.DialFunc, config.OnPgError = smallMessages, dialTCP, keepsConnection
	if config.Password == "" {
		notePassfile(config, settings)
	}
	return connection{
		config: config, address: addressOf(settings, config), dropped: sortedUnique(dropped, more), ownPassword: given["password"] != "",
	}, nil
}

// splitUsable splits a connection string that must not be empty.
func splitUsable(dsn string) (settings, error) {
	dsn = strings.TrimFunc(dsn, invisible)
	if dsn == "" {
		return nil, errors.New("the connection string is empty; give one such as postgres://user@host:5432/database")
	}
	return splitDSN(dsn)
}

// parse has the driver read the settings, the environment and the files.
func (s settings) parse() (*pgconn.Config, error) {
	return pgconn.ParseConfigWithOptions(s.String(), pgconn.ParseConfigOptions{ConnStringAllowedKeys: takenParameters})
}

// keepsConnection says whether a connection is still good after a server's error. The
// driver would look at the severity in the server's language, which some poolers give alone.
func keepsConnection(_ *pgconn.PgConn, err *pgconn.PgError) bool {
	severity := cmp.Or(err.SeverityUnlocalized, err.Severity)
	return severity != "FATAL" && severity != "PANIC"
}

// smallMessages refuses messages that are larger than any answer to a probe: a
// server that is not PostgreSQL could announce a gigabyte, and the driver would
// allocate it.
func smallMessages(r io.Reader, w io.Writer) *pgproto3.Frontend {
	const longest = 1 << 20
	frontend := pgproto3.NewFrontend(r, w)
	frontend.SetMaxBodyLen(longest)
	return frontend
}

// splitDSN splits a connection string into its settings.
func splitDSN(dsn string) (settings, error) {
	if strings.IndexByte(dsn, 0) >= 0 {
		return nil, errors.New("the connection string contains a NUL byte")
	}
	if rest, ok := cutScheme(dsn); ok {
		return splitURL(rest)
	}
	given, err := splitPairs(dsn)
	if err != nil {
		return nil, errors.New(likelyMistake(dsn, err.Error()))
	}
	return given, nil
}

// checkConfig checks what the driver made of the connection string, the
// environment and the service file, and removes the settings that have no effect.
func checkConfig(config *pgconn.Config) (dropped []string, err error) {
	hosts := []string{config.Host}
	for _, fallback := range config.Fallbacks {
		hosts = append(hosts, fallback.Host)
	}
	for _, host := range hosts {
		if err := checkHost(host); err != nil {
			return nil, err
		}
	}
	if err := checkUser(config.User); err != nil {
		return nil, err
	}
	if err := checkDatabase(config.Database); err != nil {
		return nil, err
	}
	if !slices.Contains(allowedValues["sslnegotiation"], config.SSLNegotiation) {
		return nil, notOneOf("sslnegotiation")
	}
	return checkSettings(config)
}

// checkSettings checks the parameters that would be sent to the server as settings.
func checkSettings(config *pgconn.Config) (dropped []string, err error) {
	for name, value := range config.RuntimeParams {
		use, err := disposition(name, value)
		if err != nil {
			return nil, err
		}
		if use == ignored {
			delete(config.RuntimeParams, name)
			dropped = append(dropped, name)
		} else if err := checkValue(name, value); err != nil {
			return nil, err
		}
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "pg_canary_exporter"
	}
	return dropped, nil
}

// dsnError is what only the driver finds wrong with a connection string, or with the
// files that it names.
type dsnError struct {
	text   string
	reason probe.Reason
	hint   string // "" where the text says what to do
}

func (e *dsnError) Error() string { return e.text }

// explain returns the driver's error with a reason: tls where the same settings are in
// order without certificates, keys and encryption.
func (s settings) explain(err error) error {
	e := &dsnError{text: explainDriverError(err), reason: probe.ReasonOther}
	plain := maps.Clone(s)
	maps.Copy(plain, withoutTLS)
	if _, err := plain.parse(); err == nil {
		e.reason = probe.ReasonTLS
	}
	return e
}

// withoutTLS are settings that need no certificate, no key and no encryption.
var withoutTLS = settings{"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslnegotiation": ""}

// explainDriverError explains an error of the driver in our own words: the
// driver's text contains the connection string with a guess at what the password is.
func explainDriverError(err error) string {
	text := err.Error()
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		file := "a file that the connection string names"
		for part, name := range map[string]string{"CA file": "sslrootcert", "read sslkey": "sslkey", "read cert": "sslcert"} {
			if strings.Contains(text, part) {
				file = "the file of " + name
			}
		}
		return fmt.Sprintf("%s cannot be read: %v", file, pathErr.Err)
	}
	for _, known := range driverErrors {
		if strings.Contains(text, known.part) {
			return known.meaning
		}
	}
	return "the connection string is not valid, or conflicts with a PG… variable or the service file"
}

// driverErrors explain the mistakes that only the driver finds. The values may
// come from a PG… variable or a service file.
var driverErrors = []struct{ part, meaning string }{
	{"find service", noService},
	{"service file", noService},
	{"port numbers to", portsAndHosts},
	{"invalid port", "a port is not a number from 1 to 65535"},
	{"sslmode is invalid", notOneOf("sslmode").Error()},
	{"invalid sslcertmode", notOneOf("sslcertmode").Error()},
	{"unknown target_session_attrs", notOneOf("target_session_attrs").Error()},
	{"unknown channel_binding", notOneOf("channel_binding").Error()},
	{"min_protocol_version cannot", "min_protocol_version is above max_protocol_version"},
	{"invalid min_protocol_version", notOneOf("min_protocol_version").Error()},
	{"invalid max_protocol_version", notOneOf("max_protocol_version").Error()},
	{"invalid require_auth", "require_auth is not a list of authentication methods such as scram-sha-256,md5"},
	{"invalid connect_timeout", "connect_timeout is not a number of seconds"},
	{"are required", "sslcert and sslkey go together; one of them is missing"},
	{"CA to cert pool", "the file of sslrootcert holds no certificate in PEM format"},
	{"decode sslkey", "the file of sslkey holds no key in PEM format"},
	{"find sslpassword", "the key of sslkey is encrypted; give sslpassword"},
	{"decrypt key", "sslpassword does not decrypt the key of sslkey"},
	{"load cert", "the certificate of sslcert and the key of sslkey do not match"},
}

const (
	portsAndHosts = "the connection string has several ports, but not one for each host"
	noService     = "the service is not in the service file that servicefile or PGSERVICEFILE names, or the file cannot be read"
)

func sortedUnique(lists ...[]string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...))))
}

// namesAre says what namePattern allows.
const namesAre = "use 1 to 63 letters, digits, '_', '.', ':' or '-', beginning with a letter or digit"

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$`)

// CheckSection returns what is wrong with the name of a canary section.
func CheckSection(name string) error { return checkLabel(name, "canary section") }

// CheckCluster returns what is wrong with the name of a cluster.
func CheckCluster(name string) error { return checkLabel(name, "cluster") }

func checkLabel(name, of string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	shown := name
	if len(shown) > 40 {
		shown = shown[:40] + "…"
	}
	return fmt.Errorf("%q (%d bytes) is not a name for a %s: %s", shown, len(name), of, namesAre)
}
