//go:build unix

package pgcluster

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is whom the servers run as. PostgreSQL refuses to run as root, so a
// root process gives them to an unprivileged user; otherwise they are ours.
type account struct {
	name       string
	credential *syscall.Credential // nil: this process's own
}

func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return account{name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}

// command runs a server program as the account, in its own session so that
// Ctrl-C in a terminal does not reach it, and without PG… variables.
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: a.credential}
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "HOME=" + dir}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// check makes sure that the account reaches both the programs and dir, which
// a root process that looks by itself could not tell.
func (a account) check(ctx context.Context, installation Installation, dir string) error {
	if a.credential == nil {
		return nil
	}
	postgres := installation.path("postgres")
	if out, err := a.command(ctx, "/", postgres, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("user %s, whom the servers run as because this process is root, cannot run %s: %w %s; make it and every directory above it readable for all (chmod o+rX)",
			a.name, postgres, err, strings.TrimSpace(string(out)))
	}
	if err := a.command(ctx, dir, postgres, "--version").Run(); err != nil {
		return fmt.Errorf("user %s, whom the servers run as because this process is root, cannot enter %s: %w; use a parent directory that is open to all, such as %s",
			a.name, filepath.Dir(dir), err, os.TempDir())
	}
	return nil
}

// own gives what is at path to the account.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Lchown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// makeDir makes a directory that only the account can enter.
func (a account) makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return a.own(path)
}

// writeFile replaces a file at once, so that a server never reads half of it.
func (a account) writeFile(path, content string) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		return err
	}
	if err := a.own(temporary); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// copyTree copies the directory from to the new directory to, for the account.
// skip is asked with paths relative to from. What vanishes meanwhile is left out.
// It ends between two files when ctx does.
func (a account) copyTree(ctx context.Context, from, to string, skip func(path string, entry fs.DirEntry) bool) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && path != from {
			return ignoreNotExist(err)
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if skip != nil && skip(relative, entry) {
			return nil
		}
		target := filepath.Join(to, relative)
		switch {
		case entry.IsDir():
			return a.makeDir(target)
		case entry.Type().IsRegular():
			return ignoreNotExist(a.copyFile(path, target))
		case entry.Type()&fs.ModeSocket != 0:
			return nil
		default:
			return fmt.Errorf("%s: cannot copy a %s", path, entry.Type())
		}
	})
}

func (a account) copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := target.ReadFrom(source); err != nil {
		target.Close()
		return err
	}
	if err := target.Close(); err != nil {
		return err
	}
	return a.own(to)
}
