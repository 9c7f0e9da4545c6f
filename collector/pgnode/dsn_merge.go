package pgnode

import (
	"errors"
	"maps"
	"strconv"
	"strings"
)

// DSN is a connection string, or a part of one, that was split into its parameters. It may
// hold a password, and prints as none of it.
type DSN struct{ given settings }

// SplitDSN splits a connection string, or a part of one: a URL or keyword=value pairs, or
// nothing at all. The error says what is wrong with it and never quotes it.
func SplitDSN(text string) (DSN, error) {
	text = strings.TrimFunc(text, invisible)
	if text == "" {
		return DSN{}, nil
	}
	given, err := splitDSN(text)
	if err != nil {
		return DSN{}, err
	}
	_, _, err = given.usableByDriver()
	return DSN{given}, err
}

// Text returns the connection string as pairs, with all that is secret; "" for nothing at all.
func (d DSN) Text() string { return strings.TrimSuffix(d.given.String(), " ") }

// String says that there is one: what prints it is not meant to print a password.
func (d DSN) String() string { return "(a connection string)" }

// GoString is String for %#v.
func (d DSN) GoString() string { return d.String() }

// Gives says whether the string itself has a parameter that is not empty, by libpq's name. What
// a service or the environment has does not count.
func (d DSN) Gives(parameter string) bool { return d.given[parameter] != "" }

// Without returns the string without some of its parameters, by libpq's names.
func (d DSN) Without(parameters ...string) DSN {
	rest := maps.Clone(d.given)
	for _, name := range parameters {
		delete(rest, name)
	}
	return DSN{rest}
}

// OtherUser says whether the string gives a user for whom a password of base is not meant: base
// gives another one, or a service that may.
func (d DSN) OtherUser(base DSN) bool {
	user, ok := d.given["user"]
	return ok && user != base.given["user"] && (base.has("user") || base.has("service"))
}

// has says whether a parameter is given, be it as empty.
func (d DSN) has(parameter string) bool {
	_, ok := d.given[parameter]
	return ok
}

// On completes the string with another one: what it does not say, base does.
//
// What belongs together is taken together. A list of ports belongs to its hosts: the ports of
// base are an error where there are other hosts and no ports. A password belongs to its user:
// that of base, or of the service that base names, is left out beside another user. A single
// port, and a password without a user beside it, are for everybody.
//
// As in libpq, keywords win over a service's, those of base too. A service is therefore an error
// beside a host of base, which would win over the service's host.
//
// The error quotes neither.
func (d DSN) On(base DSN) (DSN, error) {
	ports := strings.Contains(base.given["port"], ",")
	switch {
	case d.has("host") && !d.has("port") && ports:
		return DSN{}, errors.New("the connection string has hosts of its own, and what it completes has a list of ports for other hosts; give port beside host")
	case d.has("service") && !d.has("host") && base.has("host") && d.given["service"] != base.given["service"]:
		return DSN{}, errors.New("the connection string names a service, and what it completes a host, which would win over the service's; " +
			"remove that host, or give host here")
	}
	merged := settings{}
	maps.Copy(merged, base.given)
	if d.OtherUser(base) && !d.has("password") {
		if base.has("user") {
			delete(merged, "password")
		}
		if _, kept := merged["password"]; !kept && base.has("service") && !d.has("service") {
			merged["password"] = "" // So that the service's is not taken.
		}
	}
	maps.Copy(merged, d.given)
	return DSN{merged}, nil
}

// MergeDSN completes a connection string with another one, see [DSN.On]. Both are URLs or pairs,
// or empty; the result is pairs, "" where both are empty. The error quotes neither.
func MergeDSN(base, own string) (string, error) {
	under, err := SplitDSN(base)
	if err != nil {
		return "", err
	}
	over, err := SplitDSN(own)
	if err != nil {
		return "", err
	}
	merged, err := over.On(under)
	return merged.Text(), err
}

// AtHost returns a connection string that leads to one host, whatever the given one, which may
// be empty, says of hosts. A port of 0 leaves its port in place. The error quotes neither.
func AtHost(dsn, host string, port int) (string, error) {
	base, err := SplitDSN(dsn)
	if err != nil {
		return "", err
	}
	if err := checkHost(host); err != nil {
		return "", err
	}
	at := DSN{settings{"host": host}}
	if port != 0 {
		at.given["port"] = strconv.Itoa(port)
	}
	merged, err := at.On(base)
	if err != nil {
		return "", err
	}
	return merged.Text(), merged.Check()
}
