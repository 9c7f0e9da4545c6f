//go:build unix

package guides

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// scenes are what pages are played on, by name.
var scenes = map[string]func(context.Context, *stage) error{
	"pair":             func(ctx context.Context, s *stage) error { _, err := s.pair(ctx, nil); return err },
	"three":            three,
	"far":              far,
	"delayed":          delayed,
	"synchronous":      synchronous,
	"patroni":          patroniScene,
	"pg_auto_failover": autoFailover,
	"repmgr":           repmgr,
	"alertmanager":     alerting,
}

func sceneNames() string { return strings.Join(slices.Sorted(maps.Keys(scenes)), ", ") }

// pair starts a primary db1 and its replica db2. Further settings are those of the replica.
func (s *stage) pair(ctx context.Context, settings map[string]string) (*pgcluster.Cluster, error) {
	c, err := pgcluster.New(ctx, pgcluster.Options{Installation: s.installation, Dir: s.dir, Name: "db1", Settings: map[string]string{"wal_log_hints": "on"}})
	if err != nil {
		return nil, err
	}
	s.atEnd(c.Close)
	s.patient()
	s.environment = append(s.environment, "PGPASSFILE="+c.Passfile())
	if _, err := c.AddReplica(ctx, pgcluster.ReplicaOptions{Name: "db2", Settings: settings}); err != nil {
		return nil, err
	}
	s.defineServers(c)
	return c, nil
}

// defineServers gives a page the addresses of the servers, and the commands to stop and start them.
func (s *stage) defineServers(c *pgcluster.Cluster) {
	for _, server := range c.Servers() {
		s.define(strings.ToUpper(server.Name), server.Addr())
		control := fmt.Sprintf("pg_ctl --silent -D %s -l %s", quote(server.DataDir), quote(filepath.Join(s.dir, server.Name+".log")))
		s.defineCommand("stop_"+server.Name, control+" -m fast stop")
		s.defineCommand("kill_"+server.Name, control+" -m immediate stop")
		s.defineCommand("start_"+server.Name, control+" start")
	}
}

// three starts a primary and two replicas that follow whoever is promoted.
func three(ctx context.Context, s *stage) error {
	c, err := s.pair(ctx, nil)
	if err != nil {
		return err
	}
	third, err := c.AddReplica(ctx, pgcluster.ReplicaOptions{Name: "db3"})
	if err != nil {
		return err
	}
	s.defineServers(c)
	var conninfo string
	if err := third.QueryRow(ctx, "SELECT current_setting('primary_conninfo')", &conninfo); err != nil {
		return err
	}
	conninfo = strings.Replace(conninfo, fmt.Sprint("port=", c.Primary().Port), fmt.Sprint("port=", c.Replicas()[0].Port), 1)
	follow := "ALTER SYSTEM SET primary_conninfo = '" + strings.ReplaceAll(conninfo, "'", "''") + "'"
	s.defineCommand("follow_db2", `psql -qAt "postgres://postgres@$DB3/postgres" -c `+quote(follow)+` -c "ALTER SYSTEM SET primary_slot_name = ''" -c 'SELECT pg_reload_conf()'`)
	return nil
}

// delayed starts a replica that applies everything ten seconds later.
func delayed(ctx context.Context, s *stage) error {
	_, err := s.pair(ctx, map[string]string{"recovery_min_apply_delay": "10s"})
	return err
}

// synchronous starts a pair whose commits wait for the replica.
func synchronous(ctx context.Context, s *stage) error {
	c, err := s.pair(ctx, nil)
	if err != nil {
		return err
	}
	return c.Primary().SetConfig(ctx, map[string]string{"synchronous_standby_names": "db2"})
}

// far starts a pair whose replica is 150 ms away.
func far(ctx context.Context, s *stage) error {
	c, err := s.pair(ctx, nil)
	if err != nil {
		return err
	}
	link, err := rig.NewLink(c.Replicas()[0].Addr())
	if err != nil {
		return err
	}
	s.atEnd(func() error { link.Close(); return nil })
	if err := link.Far(ctx, 75*time.Millisecond); err != nil {
		return err
	}
	s.define("DB2", link.Addr())
	return nil
}
