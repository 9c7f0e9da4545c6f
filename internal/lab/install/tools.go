//go:build unix

// Package install gets what the tests and the programs of the laboratory stand
// on and this repository does not hold. A tool that is needed on a fresh machine
// is a row of its table, and nothing else installs anything.
package install

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// tool is one thing to have on the machine.
type tool struct {
	name string
	what string // as a message calls it
	// variable is the environment variable by which the user names it; once set,
	// nothing is installed in its stead. Empty: there is none.
	variable string
	// find tells where the tool is, in words for the log. An error says where it was looked for.
	find func(ctx context.Context) (string, error)
	// packages has it by package manager. Where a manager is not named, fetch gets it.
	packages map[string][]string
	// fetch gets it without installing anything, with no right of root. May be nil.
	fetch func(ctx context.Context, log io.Writer) error
	// without says what is done where it cannot be had. Empty: it has to be there.
	without string
}

var tools = []tool{
	{
		name: "postgres", what: "PostgreSQL's server", variable: pgcluster.BinVariable,
		find: func(context.Context) (string, error) {
			found, err := pgcluster.Find("")
			return found.Version + " in " + found.BinDir, err
		},
		packages: map[string][]string{
			"apt-get": {"postgresql"},
			"dnf":     {"postgresql-server", "postgresql-contrib"},
			"apk":     {"postgresql", "postgresql-contrib"},
			"zypper":  {"postgresql-server", "postgresql-contrib"},
			"pacman":  {"postgresql"},
			"brew":    {"postgresql@17"},
		},
	},
	{
		name: "pgbouncer", what: "PgBouncer", variable: "PG_CANARY_PGBOUNCER",
		find:     program("PG_CANARY_PGBOUNCER", "pgbouncer"),
		packages: everywhere("pgbouncer"),
	},
	{
		name: "haproxy", what: "HAProxy",
		find:     program("", "haproxy"),
		packages: everywhere("haproxy"),
	},
	named("nginx"),
	{
		name: "prometheus", what: "Prometheus and promtool",
		find: func(ctx context.Context) (string, error) {
			return fromScript(ctx, io.Discard, "promtool.sh", "--find", "prometheus")
		},
		fetch: func(ctx context.Context, log io.Writer) error { _, err := Prometheus(ctx, log); return err },
		packages: map[string][]string{
			"pacman": {"prometheus"},
			"brew":   {"prometheus"},
		},
	},
	{
		name: "alertmanager", what: "Alertmanager and amtool",
		find: func(ctx context.Context) (string, error) {
			return fromScript(ctx, io.Discard, "alertmanager.sh", "--find")
		},
		fetch: func(ctx context.Context, log io.Writer) error { _, err := Alertmanager(ctx, log); return err },
	},
	{
		name: "cc", what: "a C compiler",
		find: raceDetector,
		packages: map[string][]string{
			"apt-get": {"gcc", "libc6-dev"},
			"dnf":     {"gcc", "glibc-devel"},
			"apk":     {"gcc", "musl-dev"},
			"zypper":  {"gcc", "glibc-devel"},
			"pacman":  {"gcc"},
		},
		without: "the tests run without Go's race detector",
	},
	{
		name: "locales", what: "a German locale's sources",
		find: german,
		packages: map[string][]string{
			"apt-get": {"locales"},
			"dnf":     {"glibc-common", "glibc-locale-source"},
			"zypper":  {"glibc-i18ndata"},
		},
		without: "the test of a server that speaks German fails",
	},
	{
		name: "chromium", what: "Chromium", variable: "PG_CANARY_CHROMIUM",
		find: Chromium,
		packages: map[string][]string{
			"apt-get": {"chromium", "fonts-dejavu-core"},
			"dnf":     {"chromium", "dejavu-sans-fonts"},
			"apk":     {"chromium", "font-dejavu"},
			"zypper":  {"chromium", "dejavu-fonts"},
			"pacman":  {"chromium", "ttf-dejavu"},
		},
	},
	{
		name: "patroni", what: "Patroni",
		find:     packagedByDebian(program("", "patroni"), "patroni"),
		packages: map[string][]string{"apt-get": {"patroni", "python3-etcd"}},
	},
	{
		name: "etcd", what: "etcd",
		find:     packagedByDebian(program("", "etcd"), "etcd-server"),
		packages: map[string][]string{"apt-get": {"etcd-server"}},
	},
	named("fish"),
	named("zsh"),
	named("rpm"),
	onDebian("man", "man", "man-db"),
	onDebian("systemd", "systemd-analyze", "systemd", "dbus"),
	onDebian("ip", "ip", "iproute2"),
	onDebian("pgrep", "pgrep", "procps"),
	{
		name: "pg_auto_failover", what: "pg_auto_failover",
		find: packagedByDebian(program("", "pg_autoctl"), "pg-auto-failover-cli, and its extension in postgresql-NN-auto-failover"),
		// A pattern: the package's name has the version of PostgreSQL.
		packages: map[string][]string{"apt-get": {"^postgresql-[0-9]+-auto-failover$"}},
	},
	{
		name: "repmgr", what: "repmgr",
		find:     packagedByDebian(program("", "repmgr"), "repmgr"),
		packages: map[string][]string{"apt-get": {"repmgr"}},
	},
	named("debootstrap"),
}

// Names lists the tools that Ensure knows.
func Names() []string {
	var names []string
	for _, t := range tools {
		names = append(names, t.name)
	}
	return names
}

func choose(names []string) ([]tool, error) {
	var chosen []tool
	for _, name := range names {
		at := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no tool %q to install; there are %s", name, strings.Join(Names(), ", "))
		}
		chosen = append(chosen, tools[at])
	}
	return chosen, nil
}

// everywhere is for what has the same name in every package manager.
func everywhere(name string) map[string][]string {
	packages := map[string][]string{}
	for _, m := range managers {
		packages[m.program] = []string{name}
	}
	return packages
}

// named is a program that every package manager has under its name.
func named(name string) tool {
	return tool{name: name, what: name, find: program("", name), packages: everywhere(name)}
}

// onDebian is a program that only a script for Debian and Ubuntu needs, and the packages that it comes in there.
func onDebian(name, file string, packages ...string) tool {
	return tool{name: name, what: name, find: program("", file), packages: map[string][]string{"apt-get": packages}}
}
