package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// machine looks for what this machine lacks of what a file names.
type machine struct {
	*loader
	told map[toldFault]bool
}

type toldFault struct {
	at   *yaml.Node
	text string
}

func lookAtMachine(l *loader) {
	m := machine{l, map[toldFault]bool{}}
	m.passwordFile(&l.document.Defaults)
	for i := range l.document.Clusters {
		c := &l.document.Clusters[i]
		m.passwordFile(&c.Settings)
		if c.Discover != nil {
			m.connection(c, &c.DSN)
		}
		for j := range c.Nodes {
			m.connection(c, &c.Nodes[j].DSN)
		}
	}
}

// passwordFile notes why no password can be read.
func (m machine) passwordFile(s *Settings) {
	if !m.good(&s.PasswordFile) || s.PasswordFile == "" {
		return
	}
	if err := pgnode.CheckPasswordFile(s.PasswordFile); err != nil {
		m.refuse(&s.PasswordFile, "password_file %v", err)
	}
}

// connection notes what is wrong with a connection string that is complete, where it was first
// said: in the defaults, for the cluster or for the node.
func (m machine) connection(c *Cluster, dsn *string) {
	text := connectError(*dsn)
	if m.failed[dsn] || text == "" {
		return
	}
	place := m.at[c]
	for _, from := range []*string{dsn, &c.DSN, &m.document.Defaults.DSN} {
		if connectError(*from) != text {
			break
		}
		if m.at[from] != nil {
			place = m.at[from]
		}
	}
	if fault := (toldFault{place, text}); !m.told[fault] {
		m.told[fault] = true
		m.fault(place, "dsn: %s", text)
	}
}

// connectError returns what the environment and files make of a connection string that is
// wrong; "" for nothing.
func connectError(dsn string) string {
	if dsn == "" {
		return ""
	}
	if split, err := pgnode.SplitDSN(dsn); err == nil && !split.Gives("host") && !split.Gives("service") {
		dsn += " host=localhost" // Without one it would be a socket, which needs no certificate.
	}
	if _, err := pgnode.ReadAddress(dsn); err != nil {
		return err.Error()
	}
	return ""
}
