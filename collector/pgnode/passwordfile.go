package pgnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// longestPassword is the longest password that PostgreSQL takes, in bytes.
const longestPassword = 65_535

// readPassword takes the password from the file, if there is one and the connection string
// itself has none.
func (c *connection) readPassword(path string) error {
	if path == "" || c.ownPassword {
		return nil
	}
	password, err := passwordIn(path)
	if err != nil {
		return &dsnError{
			text: "the password file " + err.Error(), reason: probe.ReasonAuth,
			hint: "it has to hold the password alone, and be readable for the exporter",
		}
	}
	c.config.Password = password
	c.config.AfterNetConnect = func(ctx context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		if tried := attemptsOf(ctx); tried != nil {
			tried.passwordFile = true
		}
		return conn, nil
	}
	return nil
}

// CheckPasswordFile returns why no password can be read from a file. The error names it not.
func CheckPasswordFile(path string) error {
	_, err := passwordIn(path)
	return err
}

// passwordIn returns the password that a file holds. The error does not name the file: its
// path may be the password itself, in the wrong place.
func passwordIn(path string) (string, error) {
	// A pipe would be waited for, and is read only once.
	info, err := os.Stat(path)
	if err != nil {
		return "", unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is a directory, a pipe or a device")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", unreadable(err)
	}
	defer file.Close() //nolint:errcheck // It was only read.
	content, err := io.ReadAll(io.LimitReader(file, longestPassword+3))
	if err != nil {
		return "", unreadable(err)
	}
	password := withoutLineEnd(string(content))
	switch {
	case password == "":
		return "", errors.New("is empty")
	case len(password) > longestPassword:
		return "", errors.New("is longer than any password")
	case strings.IndexByte(password, 0) >= 0:
		return "", errors.New("contains a NUL byte")
	}
	return password, nil
}

// withoutLineEnd cuts off one line end, which editors add.
func withoutLineEnd(text string) string {
	line, found := strings.CutSuffix(text, "\n")
	if found {
		line = strings.TrimSuffix(line, "\r") // As on Windows.
	}
	return line
}

func unreadable(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}
