//go:build unix

package guides

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// repmgr starts three nodes that repmgr knows, each with its daemon, which fails over by itself.
func repmgr(ctx context.Context, s *stage) error {
	program, err := s.find("repmgr", "repmgr")
	if err != nil {
		return err
	}
	daemon, err := s.find("repmgrd", "repmgr")
	if err != nil {
		return err
	}
	c, err := s.repmgrServers(ctx)
	if err != nil {
		return err
	}
	var configs []string
	for i, server := range c.Servers() {
		config, err := s.write(server.Name+"-repmgr.conf", s.repmgrConfig(i+1, server, program))
		if err != nil {
			return err
		}
		configs = append(configs, config)
		register := []string{"-f", config, "standby", "register", "--upstream-node-id=1"}
		if i == 0 {
			register = []string{"-f", config, "primary", "register"}
		}
		if i > 0 { // A standby has to know its primary first.
			if err := server.WaitCaughtUp(ctx); err != nil {
				return err
			}
		}
		if err := s.run(ctx, program, register...); err != nil {
			return err
		}
		if err := s.start(ctx, server.Name+"-repmgrd", daemon, "-f", config, "--daemonize=false"); err != nil {
			return err
		}
	}
	s.define("REPMGR_CONF", configs[1])
	s.defineCommand("rejoin_db1", fmt.Sprintf("repmgr -f %s node rejoin --force-rewind --config-files=postgresql.conf,pg_hba.conf -d %s", quote(configs[0]),
		quote(fmt.Sprintf("host=%s port=%d user=repmgr dbname=repmgr", host, c.Servers()[1].Port))))
	return nil
}

// repmgrServers starts the servers, with repmgr's user and database.
func (s *stage) repmgrServers(ctx context.Context) (*pgcluster.Cluster, error) {
	c, err := pgcluster.New(ctx, pgcluster.Options{Installation: s.installation, Dir: s.dir, Name: "db1", Settings: map[string]string{
		"wal_log_hints": "on", "shared_preload_libraries": "repmgr",
	}})
	if err != nil {
		return nil, fmt.Errorf("%w; is repmgr's library there (package repmgr)?", err)
	}
	s.atEnd(c.Close)
	s.patient()
	s.environment = append(s.environment, "PGPASSFILE="+c.Passfile())
	trusted := []string{"host repmgr,replication,postgres repmgr 127.0.0.1/32 trust"}
	if err := c.Primary().SetHBA(ctx, trusted...); err != nil {
		return nil, err
	}
	if err := c.Primary().Exec(ctx, "CREATE ROLE repmgr SUPERUSER LOGIN REPLICATION"); err != nil {
		return nil, err
	}
	if err := c.Primary().Exec(ctx, "CREATE DATABASE repmgr OWNER repmgr"); err != nil {
		return nil, err
	}
	for _, name := range []string{"db2", "db3"} {
		server, err := c.AddReplica(ctx, pgcluster.ReplicaOptions{Name: name})
		if err != nil {
			return nil, err
		}
		if err := server.SetHBA(ctx, trusted...); err != nil {
			return nil, err
		}
	}
	s.defineServers(c)
	return c, nil
}

func (s *stage) repmgrConfig(id int, server *pgcluster.Server, program string) string {
	file := filepath.Join(s.dir, server.Name+"-repmgr.conf")
	return strings.Join([]string{
		fmt.Sprint("node_id=", id),
		"node_name=" + server.Name,
		fmt.Sprintf("conninfo='host=%s port=%d user=repmgr dbname=repmgr connect_timeout=2'", host, server.Port),
		"data_directory='" + server.DataDir + "'",
		"pg_bindir='" + s.installation.BinDir + "'",
		"use_replication_slots=yes",
		"repmgrd_pid_file='" + file + ".pid'",
		"failover=automatic",
		"promote_command='" + program + " standby promote -f " + file + "'",
		"follow_command='" + program + " standby follow -f " + file + " --upstream-node-id=%n'",
		"monitor_interval_secs=1", "reconnect_attempts=3", "reconnect_interval=1",
		"log_level=INFO", "",
	}, "\n")
}
