//go:build unix

package guides

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

// patroniScene starts three members of Patroni, HAProxy with Patroni's own health checks before them, and PgBouncer before HAProxy's
// way to the leader.
func patroniScene(ctx context.Context, s *stage) error {
	c, err := patroni.Start(ctx, patroni.Options{Installation: s.installation, Dir: s.dir})
	if err != nil {
		return err
	}
	s.atEnd(c.Close)
	passfile, err := s.write("pgpass", "*:*:*:"+patroni.Superuser+":"+c.Password+"\n")
	if err != nil {
		return err
	}
	s.environment = append(s.environment, "PGPASSFILE="+passfile)
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	for i, member := range c.Members() {
		s.define(fmt.Sprintf("REST%d", i+1), member.URL())
	}
	s.define("LEADER", address(leader.Port))
	s.define("PATRONI_CONFIG", filepath.Join(filepath.Dir(leader.DataDir()), "patroni.yml"))
	s.define("CLUSTER", "canary")
	return s.balance(ctx, c)
}

// balance starts HAProxy, and PgBouncer before it.
func (s *stage) balance(ctx context.Context, c *patroni.Cluster) error {
	haproxy, err := s.find("haproxy", "haproxy")
	if err != nil {
		return err
	}
	pgbouncer, err := s.find("pgbouncer", "pgbouncer")
	if err != nil {
		return err
	}
	var ports [3]int
	for i, name := range []string{"HAPROXY_LEADER", "HAPROXY_REPLICAS", "PGBOUNCER"} {
		if ports[i], err = s.port(); err != nil {
			return err
		}
		s.define(name, address(ports[i]))
	}
	config, err := s.write("haproxy.cfg", haproxyConfig(c, ports[0], ports[1]))
	if err != nil {
		return err
	}
	if err := s.start(ctx, "haproxy", haproxy, "-db", "-f", config); err != nil {
		return err
	}
	config, err = s.write("pgbouncer.ini", fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = %s\nlisten_port = %d\nunix_socket_dir =\n"+
		"pool_mode = transaction\nauth_type = scram-sha-256\nauth_file = %s\n", host, ports[0], host, ports[2], filepath.Join(s.dir, "userlist.txt")))
	if err != nil {
		return err
	}
	if _, err := s.write("userlist.txt", "\"canary\" \""+canaryPassword+"\"\n"); err != nil {
		return err
	}
	return s.start(ctx, "pgbouncer", pgbouncer, config)
}

// haproxyConfig is as Patroni's documentation has it.
func haproxyConfig(c *patroni.Cluster, leader, replicas int) string {
	var text strings.Builder
	text.WriteString("defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30m\n  timeout server 30m\n  timeout check 5s\n")
	for _, way := range []struct {
		check string
		port  int
	}{{"primary", leader}, {"replica", replicas}} {
		fmt.Fprintf(&text, "listen %s\n  bind %s\n  option httpchk OPTIONS /%[1]s\n  http-check expect status 200\n"+
			"  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions\n", way.check, address(way.port))
		for _, member := range c.Members() {
			_, rest, _ := strings.Cut(strings.TrimPrefix(member.URL(), "http://"), ":")
			fmt.Fprintf(&text, "  server %s %s check port %s\n", member.Name, address(member.Port), rest)
		}
	}
	return text.String()
}
