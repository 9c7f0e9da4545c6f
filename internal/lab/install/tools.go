//go:build unix

// Package install gets what the tests and the programs of the laboratory stand
// on and this repository does not hold. A tool that is needed on a fresh machine
// is a row of its table, and nothing else installs anything.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	{
		name: "nginx", what: "nginx",
		find:     program("", "nginx"),
		packages: everywhere("nginx"),
	},
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
	{
		name: "fish", what: "fish",
		find:     program("", "fish"),
		packages: everywhere("fish"),
	},
	{
		name: "zsh", what: "zsh",
		find:     program("", "zsh"),
		packages: everywhere("zsh"),
	},
	{
		name: "rpm", what: "rpm",
		find:     program("", "rpm"),
		packages: everywhere("rpm"),
	},
	{
		name: "man", what: "man",
		find:     program("", "man"),
		packages: map[string][]string{"apt-get": {"man-db"}},
	},
	{
		name: "systemd", what: "systemd",
		find:     program("", "systemd-analyze"),
		packages: map[string][]string{"apt-get": {"systemd", "dbus"}},
	},
	{
		name: "ip", what: "ip",
		find:     program("", "ip"),
		packages: map[string][]string{"apt-get": {"iproute2"}},
	},
	{
		name: "pgrep", what: "pgrep",
		find:     program("", "pgrep"),
		packages: map[string][]string{"apt-get": {"procps"}},
	},
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
	{
		name: "debootstrap", what: "debootstrap",
		find:     program("", "debootstrap"),
		packages: everywhere("debootstrap"),
	},
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

// program finds name as the variable says, in PATH, or where daemons are kept,
// which is not in the PATH of every user.
func program(variable, name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if variable != "" && os.Getenv(variable) != "" {
			path, err := exec.LookPath(os.Getenv(variable))
			if err != nil {
				return "", fmt.Errorf("$%s: %w; name the program, or unset it", variable, err)
			}
			return path, nil
		}
		for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
			if path, err := exec.LookPath(candidate); err == nil {
				return path, nil
			}
		}
		return "", fmt.Errorf("no %s in PATH, /usr/sbin and /usr/local/sbin", name)
	}
}

// Chromium returns the path of Chromium's program, or of Chrome's, which does as well.
func Chromium(ctx context.Context) (string, error) {
	const variable = "PG_CANARY_CHROMIUM"
	names := []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}
	var errs []error
	for _, name := range names {
		path, err := program(variable, name)(ctx)
		if err == nil {
			return path, nil
		}
		errs = append(errs, err)
	}
	return "", errs[0]
}

// packagedByDebian says where a program comes from that few systems have a package of.
func packagedByDebian(find func(context.Context) (string, error), name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		where, err := find(ctx)
		if err != nil {
			err = fmt.Errorf("%w; Debian and Ubuntu have it in their package %s, elsewhere install it by other means", err, name)
		}
		return where, err
	}
}

// german makes a German locale, as a test of servers does, and throws it away.
func german(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "locale-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // It is in the directory for temporary files.
	command := exec.CommandContext(ctx, "localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", filepath.Join(dir, "de_DE.utf8"))
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("localedef -i de_DE: %w: %s", err, bytes.TrimSpace(out))
	}
	return "localedef makes it", nil
}

// raceDetector asks Go itself whether it can build with the race detector, which
// takes a C compiler, its headers, and a platform that has one.
func raceDetector(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "go", "build", "-race", "runtime/cgo")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build -race: %w: %s", err, bytes.TrimSpace(out))
	}
	out, err := exec.CommandContext(ctx, "go", "env", "CC").Output()
	return strings.TrimSpace(string(out)), err
}

// Prometheus returns the path of Prometheus's program, which is fetched where it is missing.
func Prometheus(ctx context.Context, log io.Writer) (string, error) {
	return fromScript(ctx, log, "promtool.sh", "prometheus")
}

// Promtool returns the path of promtool, which comes with Prometheus.
func Promtool(ctx context.Context, log io.Writer) (string, error) {
	return fromScript(ctx, log, "promtool.sh", "promtool")
}

// Alertmanager returns the path of Alertmanager's program, beside which is amtool, and which is made where it is missing.
func Alertmanager(ctx context.Context, log io.Writer) (string, error) {
	return fromScript(ctx, log, "alertmanager.sh", "alertmanager")
}

// fromScript runs a script that finds a program, and fetches it unless told not to. It returns the program's path.
func fromScript(ctx context.Context, log io.Writer, name string, args ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	script := filepath.Join(root, "scripts", name)
	command := exec.CommandContext(ctx, script, args...) //nolint:gosec // A script of this repository.
	var complaint bytes.Buffer
	command.Stderr = io.MultiWriter(log, &complaint)
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// moduleRoot is the directory of go.mod: this one or one above it.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", errors.New("no go.mod in this directory or above it; run this inside the repository")
	}
}
