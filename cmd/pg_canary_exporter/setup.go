package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// setup creates what a probe needs on the primary, or prints the SQL.
func setup(ctx context.Context, o *options, stdout io.Writer, logger log.Logger) error {
	password, err := o.rolePassword()
	if err != nil {
		return err
	}
	s := pgnode.Setup{Role: o.setupRole, Password: password, AdminPasswordFile: o.settings.PasswordFile, Section: o.settings.Section, Cluster: o.clusterName, Adopt: o.setupAdopt}
	if o.setupPrint {
		sql, err := s.SQL()
		if err != nil {
			return err
		}
		_, err = io.WriteString(stdout, sql)
		return err
	}
	if o.primaryDSN == "" {
		return errors.New("no server: give an administrator's connection string in --primary.dsn or PG_CANARY_PRIMARY_DSN")
	}
	admin, err := pgnode.New(o.primaryDSN, pgnode.Options{}) // For what it says of the string.
	if err != nil {
		return fmt.Errorf("setup on --primary.dsn: %w", err)
	}
	o.dropped = map[string][]string{"--primary.dsn": admin.Dropped()}
	o.logDropped(logger)
	bounded, cancel := context.WithTimeout(ctx, o.settings.Timeout)
	defer cancel()
	if err := s.Run(bounded, o.primaryDSN); err != nil {
		return fmt.Errorf("setup on --primary.dsn: %w", err)
	}
	made := []any{"msg", "Set up the canary schema, table, row and role", "role", o.setupRole, "section", o.settings.Section}
	if o.clusterName != "" {
		made = append(made, "cluster", o.clusterName)
	}
	_ = level.Info(logger).Log(made...)
	if password == "" {
		_ = level.Warn(logger).Log("msg", "No password was given: the role can log in only by a method that needs none, "+
			"or with the password that it already has", "role", o.setupRole, "variable", passwordVariable, "flag", "--role.password-file")
	}
	return nil
}

// passwordVariable holds the role's password. There is no flag for it: a command
// line is there for all to read.
const passwordVariable = "PG_CANARY_ROLE_PASSWORD" //nolint:gosec // A name, no password.

// rolePassword returns the role's password from the file or the variable.
func (o *options) rolePassword() (string, error) {
	if o.setupPasswordFile == "" {
		return os.Getenv(passwordVariable), nil
	}
	content, err := os.ReadFile(o.setupPasswordFile)
	if err != nil {
		return "", fmt.Errorf("--role.password-file: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", fmt.Errorf("--role.password-file: %s is empty", o.setupPasswordFile)
	}
	return password, nil
}
