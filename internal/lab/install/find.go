//go:build unix

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
	"strings"
)

// How tools are found, and made where that is so.

// Find returns the path of a program: as the variable says, which may be "", in PATH, or where daemons are kept,
// which is not in the PATH of every user.
func Find(variable, name string) (string, error) {
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

// program is [Find], for the table of tools.
func program(variable, name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return Find(variable, name) }
}

// Chromium returns the path of Chromium's program, or of Chrome's, which does as well.
func Chromium(context.Context) (string, error) {
	const variable = "PG_CANARY_CHROMIUM"
	names := []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}
	var errs []error
	for _, name := range names {
		path, err := Find(variable, name)
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
