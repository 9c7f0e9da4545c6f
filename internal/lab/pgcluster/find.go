//go:build unix

package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// BinVariable is the environment variable that names the directory of the
// server programs.
const BinVariable = "PG_CANARY_PG_BIN"

// oldestMajor is the oldest major version that the package can run: since 13
// primary_conninfo and primary_slot_name change without a restart.
const oldestMajor = 13

// packageDirs are where packages put server programs that are not in PATH.
var packageDirs = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // PostgreSQL's own RPMs
	"/usr/lib/postgresql*/bin",           // openSUSE
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// Installation is a set of PostgreSQL server programs of one version.
type Installation struct {
	BinDir  string // absolute, symbolic links resolved
	Major   int
	Version string // as in "16.14"
}

// Program returns the path of a program that not every installation has, such
// as pgbench: the installation's own, else the one in PATH.
func (i Installation) Program(name string) (string, bool) {
	if own := filepath.Join(i.BinDir, name); isExecutable(own) {
		return own, true
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

func (i Installation) path(name string) string { return filepath.Join(i.BinDir, name) }

// Find returns the server programs in dir (or dir/bin). With an empty dir they
// are searched: in $PG_CANARY_PG_BIN, in PATH, where pg_config says, and in the
// directories that packages use, newest first.
func Find(dir string) (Installation, error) {
	if dir != "" {
		return inspectGiven(dir, dir)
	}
	if env := os.Getenv(BinVariable); env != "" {
		return inspectGiven(env, "$"+BinVariable+" = "+env)
	}
	var looked []string
	for _, candidate := range candidates() {
		found, err := inspect(candidate)
		if err == nil {
			return found, nil
		}
		if errors.Is(err, os.ErrNotExist) {
			looked = append(looked, candidate)
		} else {
			looked = append(looked, fmt.Sprintf("%s (%v)", candidate, err))
		}
	}
	looked = append(looked, "PATH", "pg_config --bindir")
	looked = append(looked, packageDirs...)
	return Installation{}, fmt.Errorf("no PostgreSQL server (initdb and postgres, version %d or newer) found; looked in: %s; install it with `make postgres`, or set %s to the directory that holds them",
		oldestMajor, strings.Join(looked, ", "), BinVariable)
}

func inspectGiven(dir, said string) (Installation, error) {
	found, err := inspect(dir)
	if errors.Is(err, os.ErrNotExist) {
		found, err = inspect(filepath.Join(dir, "bin"))
	}
	if err != nil {
		return Installation{}, fmt.Errorf("no usable PostgreSQL server in %s: %w; name a directory that holds initdb and postgres of version %d or newer",
			said, err, oldestMajor)
	}
	return found, nil
}

func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range packageDirs {
		matches, _ := filepath.Glob(pattern)
		sort.Slice(matches, func(a, b int) bool { return majorIn(matches[a]) > majorIn(matches[b]) })
		dirs = append(dirs, matches...)
	}
	return dirs
}

var digits = regexp.MustCompile(`\d+`)

// majorIn is the major version in the path of a package's directory.
func majorIn(path string) int {
	major, _ := strconv.Atoi(digits.FindString(path))
	return major
}

var versionOutput = regexp.MustCompile(`\(PostgreSQL\) ((\d+)[^ \n]*)`)

// inspect takes dir for a directory of server programs. The error is
// os.ErrNotExist when they are not there.
func inspect(dir string) (Installation, error) {
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return Installation{}, err
	}
	if postgres, err = filepath.Abs(postgres); err != nil {
		return Installation{}, err
	}
	found := Installation{BinDir: filepath.Dir(postgres)}
	if !isExecutable(found.path("initdb")) {
		return Installation{}, fmt.Errorf("no initdb beside %s: %w", postgres, os.ErrNotExist)
	}
	out, err := exec.Command(postgres, "--version").CombinedOutput()
	if err != nil {
		return Installation{}, fmt.Errorf("%s --version: %w: %s", postgres, err, strings.TrimSpace(string(out)))
	}
	match := versionOutput.FindSubmatch(out)
	if match == nil {
		return Installation{}, fmt.Errorf("%s --version says %q", postgres, strings.TrimSpace(string(out)))
	}
	found.Version = string(match[1])
	found.Major, _ = strconv.Atoi(string(match[2]))
	if found.Major < oldestMajor {
		return Installation{}, fmt.Errorf("version %s is older than %d", found.Version, oldestMajor)
	}
	return found, nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
