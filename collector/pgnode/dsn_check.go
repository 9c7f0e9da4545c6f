package pgnode

import (
	"errors"
	"maps"
	"strings"
)

// CheckDSN returns what is wrong with a connection string by itself, see [DSN.Check].
func CheckDSN(dsn string) error {
	given, err := splitUsable(dsn)
	if err != nil {
		return err
	}
	return DSN{given}.Check()
}

// Check returns what is wrong with the string by itself, whatever the environment and the files
// that it names say: those may differ, and are read at every connect. The error never quotes
// the string.
func (d DSN) Check() error {
	used, _, err := d.given.usableByDriver()
	if err != nil {
		return err
	}
	if err := used.checkNames(); err != nil {
		return err
	}
	hosts, ports := strings.Count(used["host"], ","), strings.Count(used["port"], ",")
	if ports > 0 && ports != hosts {
		return errors.New(portsAndHosts)
	}
	// Of these, the driver alone knows what they take.
	if used["require_auth"] == "" && used["min_protocol_version"] == "" && used["max_protocol_version"] == "" {
		return nil
	}
	alone := used.alone()
	if _, err := alone.parse(); err != nil && !strings.Contains(err.Error(), "failed to read service") { // Of PGSERVICE.
		return alone.explain(err)
	}
	return nil
}

// checkNames checks what appears in labels, errors and the server's log.
func (s settings) checkNames() error {
	for host := range strings.SplitSeq(s["host"], ",") {
		if host == "" {
			continue // The driver's own.
		}
		if err := checkHost(host); err != nil {
			return err
		}
	}
	if err := checkUser(s["user"]); err != nil {
		return err
	}
	return checkDatabase(s["dbname"])
}

// CheckEnvironment returns what is wrong with the variables of libpq that the exporter cannot
// go by, and must not ignore.
func CheckEnvironment() error { return checkEnvironment() }

// withoutEnvironment are values for what the driver would else take from the environment, from
// files, or of the user who runs the exporter.
var withoutEnvironment = settings{
	"host": "localhost", "port": "", "dbname": "postgres", "user": "canary", "password": "none", "connect_timeout": "0",
	"target_session_attrs": "any", "channel_binding": "prefer", "min_protocol_version": "", "max_protocol_version": "",
	"require_auth": "", "sslcertmode": "allow", "application_name": "", "options": "",
}

// alone returns the settings without what refers to a file, and as if there were no environment.
func (s settings) alone() settings {
	alone := maps.Clone(withoutEnvironment)
	maps.Copy(alone, s)
	delete(alone, "service")
	if alone["password"] == "" {
		alone["password"] = withoutEnvironment["password"] // The driver would look into the passfile.
	}
	maps.Copy(alone, withoutTLS)
	return alone
}
