package pgnode

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/xdg-go/scram"
)

// roleConnectionLimit leaves room for two exporters with maxConnections each
// and a `check` of both beside them, and caps what a fault could pile up.
const roleConnectionLimit = 4 * maxConnections

// Setup makes what a probe needs on a cluster: the schema, the table and a role.
type Setup struct {
	// Role is the login role of the exporter.
	Role string
	// Password of the role; "" leaves the role's password as it is.
	Password string
}

var rolePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]{0,62}$`)

// SQL returns the statements. They can be run again at any time. The password
// is in them only as the SCRAM-SHA-256 verifier that the server stores, so that
// neither a printout nor a log of statements gives it away.
func (s Setup) SQL() (string, error) {
	if !rolePattern.MatchString(s.Role) {
		return "", fmt.Errorf("--role %q is not a role name: use letters, digits, '_', '$' and '-', at most 63", s.Role)
	}
	if strings.HasPrefix(s.Role, "pg_") {
		return "", fmt.Errorf("--role %q: PostgreSQL reserves names that begin with pg_", s.Role)
	}
	password := ""
	if s.Password != "" {
		verifier, err := scramVerifier(s.Password)
		if err != nil {
			return "", err
		}
		password = " PASSWORD '" + verifier + "'"
	}
	return strings.NewReplacer(
		"@role_name@", s.Role,
		"@role@", pgx.Identifier{s.Role}.Sanitize(),
		"@password@", password,
		"@limit@", fmt.Sprint(roleConnectionLimit),
	).Replace(setupSQL), nil
}

// Run runs the statements with an administrator's connection string.
func (s Setup) Run(ctx context.Context, dsn string) error {
	sql, err := s.SQL()
	if err != nil {
		return err
	}
	config, err := parseDSN(dsn)
	if err != nil {
		return err
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return describe(err)
	}
	_, err = conn.Exec(ctx, sql).ReadAll()
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		return describeSetup(err)
	}
	return nil
}

// describeSetup words the hints for an administrator, for whom "run setup" is none.
func describeSetup(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42501" {
		return fmt.Errorf("%w: setup needs a role that may create schemas and roles and grant pg_monitor, such as postgres", err)
	}
	return describe(err)
}

// scramVerifier derives what pg_authid stores for a password, in the format of
// PostgreSQL's scram_build_secret with its default of 4096 iterations and 16
// bytes of salt.
func scramVerifier(password string) (string, error) {
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		return "", errors.New("the role's password has characters that SCRAM does not allow (RFC 4013)")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // It never fails.
	const iterations = 4096
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		return "", errors.New("the role's password could not be prepared for SCRAM")
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(keys.StoredKey), encode(keys.ServerKey)), nil
}
