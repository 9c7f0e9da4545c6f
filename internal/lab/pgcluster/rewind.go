//go:build unix

package pgcluster

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// Rewind makes a stopped server, whose history left that of upstream (nil is the
// primary), its replica by pg_rewind: the way back for an old primary that needs
// no new clone. The server must have run with wal_log_hints on.
func (c *Cluster) Rewind(ctx context.Context, s, upstream *Server) error {
	if upstream == nil {
		upstream = c.Primary()
	}
	if s.Running() {
		return fmt.Errorf("server %s still runs", s.Name)
	}
	program, ok := c.installation.Program("pg_rewind")
	if !ok {
		return fmt.Errorf("there is no pg_rewind in %s; it comes with PostgreSQL's server packages", c.installation.BinDir)
	}
	// Only a checkpoint writes the timeline of a promotion where pg_rewind looks.
	if err := upstream.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	if err := upstream.makeSlot(ctx, s.slot()); err != nil {
		return err
	}
	source, err := url.Parse(upstream.SuperDSN())
	if err != nil {
		return err
	}
	password, _ := source.User.Password()
	source.User = url.User(superuser)
	cmd := c.account.Command(ctx, s.dir(), program, "--target-pgdata="+s.DataDir, "--source-server="+source.String())
	cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_rewind of %s: %w\n%s", s.Name, err, strings.TrimSpace(string(out)))
	}
	if err := s.writeFollowing(upstream, ""); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := s.WaitStreaming(ctx); err != nil {
		return err
	}
	c.logf("replica %s streams from %s", s.Name, upstream.Name)
	return nil
}
