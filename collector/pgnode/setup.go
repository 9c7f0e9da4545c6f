package pgnode

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed" // for setup.sql
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/xdg-go/scram"
)

// roleConnectionLimit leaves room for two exporters with maxConnections each
// and a `check` of both beside them, and caps what a fault could pile up.
const roleConnectionLimit = 4 * maxConnections

// DefaultSection is the name of the section where none is given.
const DefaultSection = "default"

// DrillSection is the name of the section that drills write where none is given.
const DrillSection = "drill"

// DefaultCluster is the name of an exporter's cluster where none is given.
const DefaultCluster = "default"

// Setup makes what a probe needs on a cluster: the schema, the table, the
// exporter's row of it and that of drills, and a role.
type Setup struct {
	// Role is the login role of the exporter.
	Role string
	// Password of the role; "" leaves the role's password as it is.
	Password string
	// AdminPasswordFile is the path of a file that holds the administrator's password alone, as
	// [Options.PasswordFile] does that of the exporter's role; "" for none.
	AdminPasswordFile string
	// Section is the row that the exporter writes; "" is [DefaultSection].
	Section string
	// Cluster is the name of the cluster that both sections are for, kept with their
	// rows; "" says nothing, and leaves what an earlier run said.
	Cluster string
	// Adopt takes a role that setup did not make: its password, connection limit
	// and rights change. A role with rights of an administrator is never taken.
	Adopt bool
}

// setupSQL is what `setup` runs and prints, with placeholders for what differs.
// Names reach its body as settings of the transaction, never as a part of it.
//
//go:embed setup.sql
var setupSQL string

var rolePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]{0,62}$`)

// checkRole says what is wrong with the name of a role.
func checkRole(name string) error {
	switch {
	case !rolePattern.MatchString(name):
		return fmt.Errorf("--role %q is not a role name: use letters, digits, '_', '$' and '-', at most 63", name)
	case strings.HasPrefix(name, "pg_"), name == "public", name == "none":
		return fmt.Errorf("--role %q: PostgreSQL reserves names that begin with pg_, and public and none", name)
	}
	return nil
}

// SQL returns the statements. They can be run again at any time. The password
// is in them only as the SCRAM-SHA-256 verifier that the server stores, so that
// neither a printout nor a log of statements gives it away.
func (s Setup) SQL() (string, error) {
	if err := checkRole(s.Role); err != nil {
		return "", err
	}
	section := cmp.Or(s.Section, DefaultSection)
	if err := CheckSection(section); err != nil {
		return "", fmt.Errorf("--canary.section: %w", err)
	}
	if s.Cluster != "" {
		if err := CheckCluster(s.Cluster); err != nil {
			return "", fmt.Errorf("--cluster.name: %w", err)
		}
	}
	verifier := ""
	if s.Password != "" {
		var err error
		if verifier, err = scramVerifier(s.Password); err != nil {
			return "", err
		}
	}
	return strings.NewReplacer(
		"@role@", literal(s.Role),
		"@password@", literal(verifier),
		"@section@", literal(section),
		"@drill@", literal(DrillSection),
		"@cluster@", literal(s.Cluster),
		"@adopt@", literal(strconv.FormatBool(s.Adopt)),
		"@limit@", strconv.Itoa(roleConnectionLimit),
		"@table_faults@", tableFaultsSQL,
	).Replace(setupSQL), nil
}

// Run runs the statements with an administrator's connection string.
func (s Setup) Run(ctx context.Context, dsn string) error {
	sql, err := s.SQL()
	if err != nil {
		return err
	}
	admin, err := readDSN(dsn)
	if err != nil {
		return err
	}
	if err := admin.readPassword(s.AdminPasswordFile); err != nil {
		return err
	}
	conn, err := dialConfig(ctx, admin.config)
	if err != nil {
		return withReason(err)
	}
	for _, part := range splitBeforeBody(sql) {
		if _, err = conn.Exec(ctx, part).ReadAll(); err != nil {
			break
		}
	}
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		return describeSetup(err)
	}
	return nil
}

// splitBeforeBody divides the statements before their body, so that a server
// that logs the text of what failed does not log the verifier with it.
func splitBeforeBody(sql string) [2]string {
	body := strings.Index(sql, "\nDO ")
	return [2]string{sql[:body], sql[body:]}
}

// describeSetup words the hints for an administrator, for whom "run setup" is none.
// What setup.sql raises itself says all there is to say.
func describeSetup(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return withReason(err)
	}
	switch pgErr.Code {
	case "42501": // insufficient_privilege
		return fmt.Errorf("%w\nsetup needs a role that may create schemas and roles and grant pg_read_all_stats, such as postgres", err)
	case "P0001": // raise_exception
		return errors.New(pgErr.Message)
	case "55P03": // lock_not_available
		return fmt.Errorf("%w: another setup is running, or another session holds a lock on canary.section; pg_locks shows which", err)
	}
	return withReason(err)
}

// scramVerifier derives what pg_authid stores for a password, in the format of
// PostgreSQL's scram_build_secret with its default of 4096 iterations and 16
// bytes of salt.
func scramVerifier(password string) (string, error) {
	client, err := scram.SHA256.NewClientUnprepped("", saslPrepared(password), "")
	if err != nil {
		return "", errors.New("the role's password could not be prepared for SCRAM")
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
