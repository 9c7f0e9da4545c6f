package pgnode

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/jackc/pgpassfile"
	"github.com/jackc/pgx/v5/pgconn"
)

// notePassfile has an attempt to connect know what is wrong with the passfile, for the
// case that the server asks for the password that there is not.
func notePassfile(config *pgconn.Config, given settings) {
	wrong := passfileFault(given.passfile(), config)
	config.AfterNetConnect = func(ctx context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		if tried := attemptsOf(ctx); tried != nil {
			tried.passfile = wrong
		}
		return conn, nil
	}
}

// passfileFault says why a passfile has no password for a configuration; "" where there
// is no file to look at.
func passfileFault(path string, config *pgconn.Config) string {
	if path == "" {
		return ""
	}
	file, err := pgpassfile.ReadPassfile(path)
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("the passfile %s does not exist", path)
	case errors.As(err, &pathErr):
		return fmt.Sprintf("the passfile %s cannot be read: %v", path, pathErr.Err)
	case err != nil:
		return fmt.Sprintf("the passfile %s cannot be read: %v", path, err)
	}
	host, port := config.Host, strconv.Itoa(int(config.Port))
	if network, _ := pgconn.NetworkAddress(config.Host, config.Port); network == "unix" {
		host = "localhost"
	}
	if file.FindPassword(host, port, config.Database, config.User) == "" {
		return fmt.Sprintf("the passfile %s has no line with a password for %s:%s:%s:%s", path, host, port, config.Database, config.User)
	}
	return ""
}

// passfile returns the path of the passfile, "" where nothing says which one it is.
func (s settings) passfile() string {
	if path, ok := s.inForce("passfile", "PGPASSFILE"); ok {
		return path
	}
	if runtime.GOOS == "windows" {
		return inDirectory(os.Getenv("APPDATA"), "postgresql", "pgpass.conf")
	}
	home, _ := os.UserHomeDir()
	return inDirectory(home, ".pgpass")
}

// inDirectory returns a path below a directory, "" where that is not known.
func inDirectory(directory string, path ...string) string {
	if directory == "" {
		return ""
	}
	return filepath.Join(append([]string{directory}, path...)...)
}
