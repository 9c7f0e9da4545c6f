//go:build unix

package guides

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	gops "github.com/shirou/gopsutil/v4/process"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/account"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// workplace is the directory of the stage in which a page's commands run.
const workplace = "work"

// host is where everything runs.
const host = "127.0.0.1"

// canaryPassword is that of the exporter's role, whose characters a URL takes as they are.
const canaryPassword = "of-the-laboratory"

// stage is what a scene is built on, and a page is played on: a directory that goes when it is over, with all that runs in it. Nothing
// runs as root: servers refuse to, and so do their commands.
type stage struct {
	dir          string
	account      account.Account
	installation pgcluster.Installation
	// definitions are what the scene has in the place of the page's first block, in bash, by name.
	definitions map[string]string
	environment []string // of all commands
	path        []string // directories with programs, before those of PATH

	cleaner *reaper.Reaper
	claims  []net.PacketConn
	closers []func() error
}

// newStage makes one without a scene.
func newStage(t *toolbox) (*stage, error) {
	s := &stage{definitions: map[string]string{}, path: []string{t.dir}}
	var err error
	if s.installation, err = pgcluster.Find(""); err != nil {
		return nil, err
	}
	s.path = append(s.path, s.installation.BinDir)
	if s.account, err = account.ForServers(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "guide-"); err != nil {
		return nil, err
	}
	if s.dir, err = filepath.EvalSymlinks(s.dir); err != nil {
		return nil, err
	}
	if s.cleaner, err = reaper.Start(s.dir, syscall.SIGTERM); err != nil {
		return nil, errors.Join(err, os.Remove(s.dir))
	}
	s.environment = append(s.environment, "HOME="+s.dir)
	s.define("RULES", t.rules)
	s.define("CANARY_PASSWORD", canaryPassword)
	if err := errors.Join(s.account.Own(s.dir), s.defineAddress("LISTEN"), s.defineAddress("PROMETHEUS")); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// define gives a variable of the page its value.
func (s *stage) define(name, value string) { s.definitions[name] = name + "=" + quote(value) }

// defineCommand gives a function of the page its commands.
func (s *stage) defineCommand(name, commands string) {
	s.definitions[name] = name + "() { " + commands + "; }"
}

// defineAddress gives a variable an address to listen on that nobody has.
func (s *stage) defineAddress(name string) error {
	port, err := s.port()
	s.define(name, address(port))
	return err
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// port returns one that nobody has, nor gets until the stage is closed.
func (s *stage) port() (int, error) {
	port, claim, err := pgcluster.ClaimPort()
	if err == nil {
		s.claims = append(s.claims, claim)
	}
	return port, err
}

// write writes a file for the account, and returns its path.
func (s *stage) write(name, content string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, s.account.WriteFile(path, content)
}

// find returns the path of a program, and says which package has it where it is missing.
func (s *stage) find(name, packaged string) (string, error) {
	for _, dir := range append(append([]string{}, s.path...), append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin")...) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s in PATH: on Debian and Ubuntu it is in the package %s, which `make guides` installs as root", name, packaged)
}

// patient has the exporter's default limit of 100 ms raised, where no page is about it: a busy machine may take longer.
func (s *stage) patient() {
	s.environment = append(s.environment, "PG_CANARY_PROBE_SYNCED_WITHIN=500ms")
}

// start starts a program that ends with the stage. What it prints is in the file name.log.
func (s *stage) start(ctx context.Context, name, program string, args ...string) error {
	log, err := os.OpenFile(s.logFile(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // The program has it.
	cmd := s.account.Command(context.WithoutCancel(ctx), s.dir, program, args...)
	cmd.Env = append(cmd.Env, s.env()...)
	cmd.Stdout, cmd.Stderr = log, log
	_, err = s.cleaner.Run(cmd)
	return err
}

func (s *stage) logFile(name string) string { return filepath.Join(s.dir, name+".log") }

// run runs a command to its end. Its error has what it printed.
func (s *stage) run(ctx context.Context, program string, args ...string) error {
	cmd := s.account.Command(ctx, s.dir, program, args...)
	cmd.Env = append(cmd.Env, s.env()...)
	cmd.WaitDelay = time.Second // A server that it started has the pipe too, when the command is ended.
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return nil
}

func (s *stage) env() []string {
	path := append(append([]string{}, s.path...), os.Getenv("PATH"), "/usr/sbin")
	return append([]string{"PATH=" + strings.Join(path, ":")}, s.environment...)
}

// atEnd has something closed with the stage.
func (s *stage) atEnd(closer func() error) { s.closers = append(s.closers, closer) }

// close ends what runs in the stage's directory, whoever started it, and removes it.
func (s *stage) close() error {
	errs := []error{s.sweep()}
	for _, closer := range s.closers {
		errs = append(errs, closer())
	}
	for _, claim := range s.claims {
		errs = append(errs, claim.Close())
	}
	errs = append(errs, s.sweep(), os.RemoveAll(s.dir), s.cleaner.Finish())
	return errors.Join(errs...)
}

// sweep ends the processes that work below the stage's directory: a page's commands start servers too, which are then
// nobody's children.
func (s *stage) sweep() error {
	all, err := gops.Processes()
	if err != nil {
		return err
	}
	var errs []error
	for _, each := range all {
		cwd, err := each.Cwd()
		if err == nil && each.Pid != int32(os.Getpid()) && strings.HasPrefix(cwd+"/", s.dir+"/") { //nolint:gosec // A process's id fits.
			errs = append(errs, pgcluster.KillTree(int(each.Pid)))
		}
	}
	return errors.Join(errs...)
}
