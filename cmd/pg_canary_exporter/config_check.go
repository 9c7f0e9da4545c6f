package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// configCheckOptions are what the flags of the command config check say.
type configCheckOptions struct {
	file       string
	against    string
	syntaxOnly bool
}

func (o *configCheckOptions) flags(command *kingpin.CmdClause) {
	check := command.Command("check", "Name every mistake in a configuration file, or say what is in it. Exit status 0: it is right, 2: it is not.")
	check.Arg("file", "The configuration file.").Required().StringVar(&o.file)
	check.Flag("against", "URL of a running exporter, such as http://exporter:10187: say what the file would change there.").
		PlaceHolder("URL").Envar(environmentName("config.against")).StringVar(&o.against)
	check.Flag("syntax-only", "Do not look whether this machine has the certificates, services and password files that the file names.").
		Envar(environmentName("config.syntax-only")).BoolVar(&o.syntaxOnly)
}

// configCheck says what is wrong with a configuration file, or what it would change.
func configCheck(ctx context.Context, o configCheckOptions, stdout, stderr io.Writer) error {
	read := config.Check
	if o.syntaxOnly {
		read = config.Load
	}
	c, err := read(o.file)
	var faults *config.FaultsError
	if errors.As(err, &faults) { // Each line begins with the file, as editors expect.
		_, _ = fmt.Fprintln(stderr, faults)
		return &statusError{status: 2}
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%s: %s", o.file, c.Summary()); err != nil || o.against == "" {
		return err
	}
	running, err := server.RunningConfig(ctx, o.against)
	if err != nil {
		return fmt.Errorf("--against: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "Against the running exporter (passwords are not compared):\n%s", config.Diff(running, c.Digest()))
	return err
}
