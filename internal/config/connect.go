package config

import "github.com/pg-canary/pg_canary_exporter/collector/pgnode"

// access is how the nodes of a cluster are connected to.
type access struct {
	dsn          pgnode.DSN
	passwordFile string
	// failed is true where that is not known because of a fault.
	failed bool
}

// access puts the connection string and the password file in effect that the defaults or a
// cluster have on top of others.
func (l *loader) access(own *Settings, from access) access {
	l.path(&own.PasswordFile, "password_file")
	dsn := l.split(&own.DSN)
	if l.good(&own.PasswordFile) && own.PasswordFile != "" && dsn.Gives("password") {
		l.refuse(&own.PasswordFile, "dsn has a password beside password_file: remove one of them")
	}
	if from.failed || l.failed[&own.DSN] || l.failed[&own.PasswordFile] {
		return access{failed: true}
	}
	base := from.dsn
	if own.PasswordFile != "" { // What is said later wins.
		base = base.Without("password")
	}
	merged, err := l.merge(base, dsn)
	if err != nil {
		l.refuse(&own.DSN, "dsn: %v", err)
		return access{failed: true}
	}
	if l.at[&own.PasswordFile] == nil {
		own.PasswordFile = from.fileFor(dsn)
	}
	own.DSN = merged.Text()
	return access{dsn: merged, passwordFile: own.PasswordFile}
}

// split splits a connection string that was given.
func (l *loader) split(dsn *string) pgnode.DSN {
	if !l.good(dsn) {
		return pgnode.DSN{}
	}
	split, err := pgnode.SplitDSN(*dsn)
	if err == nil && split.Text() == "" {
		err = pgnode.CheckDSN(*dsn)
	}
	if err != nil {
		l.refuse(dsn, "dsn: %v", err)
	}
	return split
}

// merge returns the merged connection string, which is in order.
func (l *loader) merge(base, own pgnode.DSN) (pgnode.DSN, error) {
	merged, err := own.On(base)
	if err == nil {
		err = merged.Check()
	}
	return merged, err
}

// fileFor is the password file that goes with a connection string of one's own: none where that
// gives a password, or another user.
func (a access) fileFor(own pgnode.DSN) string {
	if own.Gives("password") || own.OtherUser(a.dsn) {
		return ""
	}
	return a.passwordFile
}

// node puts in effect how a node is connected to. What is wrong with its own is said although
// it is not known what is inherited.
func (l *loader) node(n *Node, from access) {
	dsn := l.split(&n.DSN)
	if l.failed[&n.DSN] {
		return
	}
	place := l.at[&n.DSN]
	if place == nil {
		place = l.at[n]
	}
	merged, err := l.merge(from.dsn, dsn)
	switch {
	case err != nil:
		l.failed[&n.DSN] = true
		l.fault(place, "dsn: %v", err)
	case !from.failed && !merged.Gives("host") && !merged.Gives("service"):
		l.fault(place, "the node's connection string has no host: give dsn with host=…")
	}
	n.DSN, n.PasswordFile = merged.Text(), from.fileFor(dsn)
}
