//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// installers are the package managers that have PostgreSQL's server, each with
// the commands that install it.
var installers = []struct {
	program  string
	needRoot bool
	commands [][]string
}{
	{"apt-get", true, [][]string{
		{"apt-get", "update"},
		{"apt-get", "install", "-y", "--no-install-recommends", "postgresql"},
	}},
	{"dnf", true, [][]string{{"dnf", "install", "-y", "postgresql-server", "postgresql-contrib"}}},
	{"apk", true, [][]string{{"apk", "add", "postgresql", "postgresql-contrib"}}},
	{"zypper", true, [][]string{{"zypper", "--non-interactive", "install", "postgresql-server", "postgresql-contrib"}}},
	{"pacman", true, [][]string{{"pacman", "-Sy", "--noconfirm", "postgresql"}}},
	{"brew", false, [][]string{{"brew", "install", "postgresql@17"}}},
}

// Install installs PostgreSQL's server with the machine's package manager, and
// no database cluster beside it. Where it may not, the error has the command to run.
func Install(ctx context.Context, log io.Writer) error {
	for _, installer := range installers {
		if _, err := exec.LookPath(installer.program); err != nil {
			continue
		}
		last := installer.commands[len(installer.commands)-1]
		if installer.needRoot && os.Geteuid() != 0 {
			return fmt.Errorf("only root may install packages; run: sudo %s", shell(last))
		}
		if installer.program == "apt-get" {
			if err := withoutMainCluster(); err != nil {
				return err
			}
		}
		for _, words := range installer.commands {
			command := exec.CommandContext(ctx, words[0], words[1:]...)
			command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			command.Stdout, command.Stderr = log, log
			if err := command.Run(); err != nil {
				return fmt.Errorf("%s: %w", shell(words), err)
			}
		}
		return nil
	}
	return errors.New("this machine has none of apt-get, dnf, apk, zypper, pacman and brew; " +
		"install PostgreSQL's server by other means and set " + BinVariable + " to the directory of its programs")
}

// withoutMainCluster keeps Debian's package from making and starting a cluster
// of its own, unless somebody has decided about that already.
func withoutMainCluster() error {
	const path = "/etc/postgresql-common/createcluster.conf"
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("create_main_cluster = false\n"), 0o644)
}

func shell(words []string) string {
	text := words[0]
	for _, word := range words[1:] {
		text += " " + word
	}
	return text
}

// InstallHint says how to get PostgreSQL's server on this system.
func InstallHint() string {
	for _, installer := range installers {
		if _, err := exec.LookPath(installer.program); err == nil {
			return "install it with: " + shell(installer.commands[len(installer.commands)-1])
		}
	}
	return "install PostgreSQL's server"
}
