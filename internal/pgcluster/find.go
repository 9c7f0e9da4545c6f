//go:build unix

// Package pgcluster runs throw-away PostgreSQL clusters, a primary and its
// streaming replicas, for tests, benchmarks and the demo.
//
// It needs no more than the server's own programs initdb and postgres: what
// other tools do with pg_basebackup or pg_ctl is done over SQL and with signals.
package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// BinVariable names the directory of the server's programs, before all others.
const BinVariable = "PG_CANARY_PG_BIN"

// oldest is the first major version that is supported.
const oldest = 13

// Installation is PostgreSQL's server as it is installed.
type Installation struct {
	// BinDir holds initdb and postgres.
	BinDir string
	// Major and Version are such as 16 and "16.4".
	Major   int
	Version string
}

// Program returns the path of a program that need not be there, such as pgbench.
func (i Installation) Program(name string) (string, bool) {
	if path := filepath.Join(i.BinDir, name); executable(path) {
		return path, true
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

// Find returns the installation in a directory, or in the one of BinVariable, or
// the first that it finds where PostgreSQL is usually installed.
func Find(dir string) (Installation, error) {
	if dir == "" {
		dir = os.Getenv(BinVariable)
	}
	if dir != "" {
		return open(dir)
	}
	var tooOld []string
	for _, candidate := range candidates() {
		installation, err := open(candidate)
		if err == nil {
			return installation, nil
		}
		if errors.Is(err, errTooOld) {
			tooOld = append(tooOld, err.Error())
		}
	}
	return Installation{}, fmt.Errorf("PostgreSQL's server (initdb and postgres, %d or newer) is neither in PATH nor in "+
		"/usr/lib/postgresql, /usr/pgsql-* or Homebrew's directories; install it, or set %s to the directory of its programs%s",
		oldest, BinVariable, strings.Join(append([]string{""}, tooOld...), "; "))
}

var errTooOld = fmt.Errorf("older than PostgreSQL %d", oldest)

// candidates are the directories to look in, the newest of a kind first.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	if output, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(output)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		found, _ := filepath.Glob(pattern) // The patterns are well formed.
		slices.SortFunc(found, func(a, b string) int { return majorIn(b) - majorIn(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

var number = regexp.MustCompile(`\d+`)

func majorIn(path string) int {
	major, _ := strconv.Atoi(number.FindString(path)) // 0 when there is none.
	return major
}

// open looks at one directory, or at its bin.
func open(dir string) (Installation, error) {
	if !executable(filepath.Join(dir, "postgres")) && executable(filepath.Join(dir, "bin", "postgres")) {
		dir = filepath.Join(dir, "bin")
	}
	for _, program := range []string{"initdb", "postgres"} {
		if !executable(filepath.Join(dir, program)) {
			return Installation{}, fmt.Errorf("%s has no %s: it is not the directory of PostgreSQL's server programs", dir, program)
		}
	}
	output, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Installation{}, fmt.Errorf("%s --version: %w", filepath.Join(dir, "postgres"), err)
	}
	fields := strings.Fields(string(output)) // postgres (PostgreSQL) 16.4 (Debian …)
	if len(fields) < 3 {
		return Installation{}, fmt.Errorf("%s --version says %q", filepath.Join(dir, "postgres"), output)
	}
	major := majorIn(fields[2])
	if major < oldest {
		return Installation{}, fmt.Errorf("%s: %s is %w", dir, fields[2], errTooOld)
	}
	return Installation{BinDir: dir, Major: major, Version: fields[2]}, nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}
