//go:build unix

// Package exporter runs the real exporter as a process of its own, as its users
// do: it builds the command, starts it on servers, scrapes it over HTTP, and
// reads the moments of its probes from its log.
package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

const command = "github.com/pg-canary/pg_canary_exporter/cmd/pg_canary_exporter"

// patience is how long the exporter may take for what it does at once.
const patience = time.Minute

// Program is the exporter's command, built into a directory of its own.
type Program struct {
	Path string

	dir     string
	cleaner *reaper.Reaper
}

// Build builds the command, without cgo as its users have it. The caller has to Close it. Where
// this process runs with the race detector so does the command, which takes cgo.
func Build(ctx context.Context) (*Program, error) {
	p, err := newProgram()
	if err != nil {
		return nil, err
	}
	// Without git's stamp: git refuses a work tree that is another user's.
	args, cgo := []string{"build", "-buildvcs=false", "-o", p.Path}, "CGO_ENABLED=0"
	if raceDetector() {
		args, cgo = append(args, "-race"), "CGO_ENABLED=1"
	}
	build := exec.CommandContext(ctx, cmp.Or(os.Getenv("GO"), "go"), append(args, command)...) //nolint:gosec // Make says which Go.
	build.Env = append(os.Environ(), cgo)
	if output, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("building the exporter: %w: %s", err, strings.TrimSpace(string(output))), p.Close())
	}
	return p, nil
}

// Built returns a command that was built before, at a path. The caller has to Close it.
func Built(path string) (*Program, error) {
	p, err := newProgram()
	if err == nil {
		p.Path = path
	}
	return p, err
}

func newProgram() (*Program, error) {
	dir, err := os.MkdirTemp("", "pg_canary_lab-")
	if err != nil {
		return nil, err
	}
	cleaner, err := reaper.Start(dir, syscall.SIGQUIT)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Program{Path: filepath.Join(dir, "pg_canary_exporter"), dir: dir, cleaner: cleaner}, nil
}

// raceDetector says whether this process runs with it.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// Close removes the directory. What runs of it is ended.
func (p *Program) Close() error { return p.cleaner.Finish() }

// Command returns the program with arguments on the nodes of connection
// strings, the primary first. It is killed when ctx ends or, where Launch starts it, told to end.
func (p *Program) Command(ctx context.Context, dsns []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, p.Path, args...) //nolint:gosec // It was built here.
	command.Env = []string{"GORACE=halt_on_error=1", "GOMAXPROCS=" + os.Getenv("GOMAXPROCS")}
	if len(dsns) > 0 {
		command.Env = append(command.Env,
			"PG_CANARY_PRIMARY_DSN="+dsns[0], "PG_CANARY_REPLICA_DSN="+strings.Join(dsns[1:], "\n"))
	}
	return command
}

// Launch starts a command that ends with the program, and with this process in
// whatever way that ends. It is told to end when the command's context ends. Wait has to be called, as that of the command would.
func (p *Program) Launch(command *exec.Cmd) (wait func() error, err error) {
	// A Ctrl-C is for the laboratory, which ends what it started in its order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(command.Path), err)
	}
	watched := p.cleaner.Started(command.Process.Pid)
	return func() error {
		err := command.Wait()
		if watched == nil {
			_ = p.cleaner.Ended(command.Process.Pid) // One that is gone needs no news.
		}
		return err
	}, nil
}
