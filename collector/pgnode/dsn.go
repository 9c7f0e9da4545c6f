package pgnode

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// parseDSN parses a connection string: a URL or keyword/value pairs, with all
// that pgx takes. An error never quotes the string or a part of it, because a
// badly quoted password can end up in any part.
func parseDSN(dsn string) (*pgconn.Config, error) {
	if strings.TrimSpace(dsn) == "" {
		return nil, errors.New("the connection string is empty; it looks like postgres://user@host:5432/database")
	}
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New(whatIsWrong(dsn, err))
	}
	parts := []string{config.Host, config.Database}
	for _, fallback := range config.Fallbacks {
		parts = append(parts, fallback.Host)
	}
	for _, part := range parts {
		if strings.Contains(part, "@") && isURL(dsn) {
			return nil, errors.New("the connection string has more than one @; " + percentEncode)
		}
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "pg_canary_exporter"
	}
	return config, nil
}

const percentEncode = "in a URL, special characters of user and password are written percent-encoded (@ is %40, / is %2F, : is %3A)"

// whatIsWrong explains an error of pgconn.ParseConfig in words that hold
// nothing of the connection string but the name of a file.
func whatIsWrong(dsn string, err error) string {
	var pathErr *fs.PathError
	text := err.Error()
	switch {
	case errors.As(err, &pathErr):
		return fmt.Sprintf("a file that the connection string names cannot be read: %v", pathErr.Err)
	case strings.Contains(text, "sslmode is invalid"):
		return "sslmode is none of disable, allow, prefer, require, verify-ca and verify-full"
	case strings.Contains(text, "find service"), strings.Contains(text, "service file"):
		return "the service is not in the service file that servicefile or PGSERVICEFILE names"
	case isURL(dsn):
		return "the connection string is not a valid URL of the form postgres://user:password@host:5432/database; " + percentEncode
	default:
		return "the connection string is neither a postgres:// URL nor keyword=value pairs such as " +
			"host=db port=5432 user=canary dbname=app; values with spaces or quotes are written in '…'"
	}
}

func isURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// nodeName returns host:port of the server, or of all the servers that the
// connection string lists, separated by commas.
func nodeName(config *pgconn.Config) string {
	name := func(host string, port uint16) string {
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	names := []string{name(config.Host, config.Port)}
	for _, fallback := range config.Fallbacks {
		// sslmode=prefer makes a second entry for the same server.
		if next := name(fallback.Host, fallback.Port); next != names[len(names)-1] {
			names = append(names, next)
		}
	}
	return strings.Join(names, ",")
}

var sectionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$`)

// CheckSection says what is wrong with the name of a canary section.
func CheckSection(name string) error {
	if sectionPattern.MatchString(name) {
		return nil
	}
	shown := name
	if len(shown) > 40 {
		shown = shown[:40] + "…"
	}
	return fmt.Errorf("%q (%d bytes) is not a name for a canary section: use 1 to 63 letters, digits, "+
		"'_', '.', ':' or '-', beginning with a letter or digit", shown, len(name))
}
