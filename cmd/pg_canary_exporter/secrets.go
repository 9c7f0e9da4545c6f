package main

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// logDropped logs which parameters of the connection strings are not used.
func (o *options) logDropped(logger log.Logger) {
	for _, flag := range slices.Sorted(maps.Keys(o.dropped)) {
		if names := o.dropped[flag]; len(names) > 0 {
			_ = level.Info(logger).Log("msg", "Ignoring parameters of the connection string that have no effect here",
				"flag", flag, "parameters", strings.Join(names, " "))
		}
	}
}

// errArguments stands for an error that quotes an argument.
var errArguments = errors.New("an argument is neither a flag nor a command; it is not shown, because it may be a part of a connection string: " +
	"give a connection string with its flag, and in quotes if it has spaces")

// withoutSecrets returns the parser's error unless that may quote a piece of a
// connection string: one that the shell has split at its spaces, or one
// without its flag.
func withoutSecrets(err error, args []string) error {
	text := err.Error()
	quotesWord := strings.HasPrefix(text, "unexpected") || strings.HasPrefix(text, "expected command")
	withDSN := slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(strings.ToLower(arg), "dsn") })
	if strings.ContainsAny(text, "@=;") || strings.Contains(text, "://") || quotesWord && withDSN {
		return errArguments
	}
	return err
}
