package pgnode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive notices within half a minute that the network of an idle connection is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// dialTCP is the dialer of every connection. The driver's own bounds an attempt too.
func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, address)
}

// dialConfig connects to a server: the one place that does. The error is a
// *connectError, of the one attempt that counts.
//
// SCRAM takes the password as SASLprep makes it, the older methods take it as it is,
// and which one is asked for is known only when the server asks.
func dialConfig(ctx context.Context, config *pgconn.Config) (*pgconn.PgConn, error) {
	prepared := saslPrepared(config.Password)
	conn, err := dialWith(ctx, config, prepared)
	if prepared != config.Password && isAuthRefusal(err) {
		return dialWith(ctx, config, config.Password)
	}
	return conn, err
}

func isAuthRefusal(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Code, classAuth)
}

func dialWith(ctx context.Context, config *pgconn.Config, password string) (*pgconn.PgConn, error) {
	config = config.Copy()
	config.Password = password
	watchAttempts(config)
	tried := &attempts{}
	conn, err := pgconn.ConnectConfig(context.WithValue(ctx, attemptsKey{}, tried), config)
	if err != nil {
		return nil, tried.explain(config, err)
	}
	tried.opening.opened.Store(true)
	return conn, nil
}

// attempts are those that the driver makes for one connection: for each host of the
// list, each address of a name, and with sslmode=prefer with TLS and without.
type attempts struct {
	all []*attempt
	// opening is the network's connection of the last one; nil where there is none.
	opening *openingConn
	// passfile is what is wrong with the passfile where no password was found; "" for
	// nothing that is known.
	passfile string
	// passwordFile is true where the password is that of [Options.PasswordFile].
	passwordFile bool
}

// attempt is how far one attempt to connect came.
type attempt struct {
	network string
	joined  bool // The network connects.
	// conn is what PostgreSQL's protocol runs over, nil while the two sides settle
	// whether that is TLS. The driver asks that only of a connection that is to be TLS.
	conn net.Conn
}

// attemptsKey is that of *attempts in the context of ConnectConfig: the configuration is
// used again for cancel requests, which are no attempts.
type attemptsKey struct{}

func attemptsOf(ctx context.Context) *attempts {
	tried, _ := ctx.Value(attemptsKey{}).(*attempts)
	return tried
}

// watchAttempts has the driver tell how far each attempt comes.
func watchAttempts(config *pgconn.Config) {
	dial, after := config.DialFunc, config.AfterNetConnect
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		tried := attemptsOf(ctx)
		if tried == nil {
			return conn, err
		}
		tried.all = append(tried.all, &attempt{network: network, joined: err == nil})
		if err != nil {
			return nil, err
		}
		tried.opening = &openingConn{Conn: conn}
		return tried.opening, nil
	}
	config.AfterNetConnect = func(ctx context.Context, config *pgconn.Config, conn net.Conn) (net.Conn, error) {
		if tried := attemptsOf(ctx); tried != nil {
			tried.all[len(tried.all)-1].conn = conn
		}
		if after != nil {
			return after(ctx, config, conn)
		}
		return conn, nil
	}
}

// explain returns the error of the attempt that counts, with what is known of it.
func (tried *attempts) explain(config *pgconn.Config, err error) error {
	errs := separate(err)
	number := thatCounts(errs)
	e := &connectError{
		user: config.User, database: config.Database, err: errs[number],
		noPassword: config.Password == "", passfile: tried.passfile, passwordFile: tried.passwordFile,
	}
	// Errors of the name service come first, and have no attempt.
	if number -= len(errs) - len(tried.all); number >= 0 {
		e.phase, e.encryption = tried.all[number].state()
	}
	return e
}

// separate returns the errors of all attempts, which the driver joins.
func separate(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if joined, ok := e.(interface{ Unwrap() []error }); ok { //nolint:errorlint // It walks the tree itself.
			return joined.Unwrap()
		}
	}
	return []error{err}
}

// thatCounts returns the number of the attempt that tells the most: the last one that a
// server answered with an error, else the last one whose server has the wrong role,
// else the last one.
func thatCounts(errs []error) int {
	number, rank := 0, 0
	for i, err := range errs {
		own := 1
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			own = 3
		case wrongRole(err) != "":
			own = 2
		}
		if own >= rank {
			number, rank = i, own
		}
	}
	return number
}

// connectError is why a connection could not be made.
type connectError struct {
	user, database string
	err            error // of the attempt that counts
	phase          phase
	encryption     encryption
	// noPassword is true where none was found, and passfile what is then wrong with
	// the passfile.
	noPassword bool
	passfile   string
	// passwordFile is true where the password is that of [Options.PasswordFile].
	passwordFile bool
}

// Error is one line: the driver puts each attempt on a line of its own.
func (e *connectError) Error() string {
	return fmt.Sprintf("failed to connect to `user=%s database=%s`: %s", e.user, e.database, strings.Join(strings.Fields(e.err.Error()), " "))
}

func (e *connectError) Unwrap() error { return e.err }
