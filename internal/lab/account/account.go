//go:build unix

// Package account runs servers as a user whom they agree to: PostgreSQL refuses to
// run as root.
package account

import (
	"context"
	"errors"
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

// Account is whom servers run as. A root process gives them to an unprivileged user;
// otherwise they are its own.
type Account struct {
	name       string
	credential *syscall.Credential // nil: this process's own
}

// ForServers returns whom this process runs servers as.
func ForServers() (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return Account{}, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return Account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return Account{name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return Account{}, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}

// Command runs a server program as the account, in its own session so that
// Ctrl-C in a terminal does not reach it, and without PG… variables.
func (a Account) Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
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

// Check makes sure that the account reaches both a program, which is asked for its
// version, and dir: a root process that looks by itself could not tell.
func (a Account) Check(ctx context.Context, program, dir string) error {
	if a.credential == nil {
		return nil
	}
	if out, err := a.Command(ctx, "/", program, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("user %s, whom the servers run as because this process is root, cannot run %s: %w %s; make it and every directory above it readable for all (chmod o+rX)",
			a.name, program, err, strings.TrimSpace(string(out)))
	}
	if err := a.Command(ctx, dir, program, "--version").Run(); err != nil {
		return fmt.Errorf("user %s, whom the servers run as because this process is root, cannot enter %s: %w; use a parent directory that is open to all, such as %s",
			a.name, filepath.Dir(dir), err, os.TempDir())
	}
	return nil
}

// Own gives what is at path to the account.
func (a Account) Own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Lchown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// MakeDir makes a directory that only the account can enter.
func (a Account) MakeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return a.Own(path)
}

// WriteFile replaces a file at once, so that a server never reads half of it.
func (a Account) WriteFile(path, content string) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		return err
	}
	if err := a.Own(temporary); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// CopyTree copies the directory from to the new directory to, for the account.
// skip is asked with paths relative to from. What vanishes meanwhile is left out.
// It ends between two files when ctx does.
func (a Account) CopyTree(ctx context.Context, from, to string, skip func(path string, entry fs.DirEntry) bool) error {
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
			return a.MakeDir(target)
		case entry.Type().IsRegular():
			return ignoreNotExist(a.copyFile(path, target))
		case entry.Type()&fs.ModeSocket != 0:
			return nil
		default:
			return fmt.Errorf("%s: cannot copy a %s", path, entry.Type())
		}
	})
}

func (a Account) copyFile(from, to string) error {
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
	return a.Own(to)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
