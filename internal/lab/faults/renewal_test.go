package faults_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// renewalFaults are those that a connection which is made anew meets, or mends.
func renewalFaults() []fault {
	const oldHost, newHost, name = "127.0.0.2", "127.0.0.3", "follows.canary.test"
	ofClient := &clientCertificate{}
	return []fault{
		{
			name: "DNS name of the replica moves, and the old connection stays",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					old := newLinkAt(s.t, oldHost+":0", s.replica.Addr())
					names.set(name, oldHost)
					_, port, err := net.SplitHostPort(old.Listen)
					must(s.t, err)
					c.replicaDSN = through(s.replica, net.JoinHostPort(name, port))
					s.links[readOnly] = newLinkAt(s.t, net.JoinHostPort(newHost, port), nowhere)
				}
			},
			hit: func(s *scene) {
				s.addOlder()
				s.links[readOnly].leadNew(s.older.Addr())
				names.set(name, newHost)
				s.moving = s.label("replica")
				s.fresh[s.moving] = s.pausedAt
			},
			publishes: "up 1, primaries 1, primary up, replica synced or paused",
			then:      "up 1, primaries 1, primary up, replica paused",
			because:   "then within 10 s, when the name is looked up again",
			heal:      func(s *scene) { s.resume(s.older) },
			alerts:    "PgCanaryReplicaPaused",
		},
		{
			name: "role's password rotated before the exporter's passfile",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					s.passfile = filepath.Join(s.t.TempDir(), "passfile")
					s.writePassfile(canaryPassword)
					address := fmt.Sprintf("user=%s dbname=postgres sslmode=disable passfile=%s", canaryRole, s.passfile)
					c.primaryDSN = fmt.Sprintf("host=%s port=%d %s", s.primary.Host, s.primary.Port, address)
					c.replicaDSN = fmt.Sprintf("host=%s port=%d %s", s.replica.Host, s.replica.Port, address)
				}
			},
			hit: func(s *scene) {
				s.exec(s.primary, "ALTER ROLE "+canaryRole+" PASSWORD 'another'")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
				s.disconnectExporter(s.primary)
				s.disconnectExporter(s.replica)
			},
			publishes: "up 0, primaries 0, primary down (auth), replica unreachable (auth)",
			heal:      func(s *scene) { s.writePassfile("another") },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "exporter's client certificate expired",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					*ofClient = s.newClientCertificate()
					ofClient.issue(s, time.Hour)
					s.acceptClientCertificates(ofClient)
					c.primaryDSN = fmt.Sprintf("host=%s port=%d user=%s dbname=postgres sslmode=require sslcert=%s sslkey=%s",
						s.primary.Host, s.primary.Port, canaryRole, ofClient.path("crt"), ofClient.path("key"))
				}
			},
			hit: func(s *scene) {
				ofClient.issue(s, -time.Minute)
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (tls), replica up",
			heal:      func(s *scene) { ofClient.issue(s, time.Hour) },
			alerts:    "PgCanaryNoPrimary",
		},
	}
}

// writePassfile gives the exporter a password.
func (s *scene) writePassfile(password string) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.passfile, fmt.Appendf(nil, "*:*:*:%s:%s\n", canaryRole, strings.ReplaceAll(password, ":", `\:`)), 0o600))
}
