//go:build unix

package guides

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// autoFailover starts a monitor of pg_auto_failover, and two nodes.
func autoFailover(ctx context.Context, s *stage) error {
	program, err := s.find("pg_autoctl", "pg-auto-failover-cli")
	if err != nil {
		return err
	}
	for _, name := range []string{"CONFIG", "DATA", "RUNTIME"} {
		dir := filepath.Join(s.dir, "xdg-"+name)
		if err := s.account.MakeDir(dir); err != nil {
			return err
		}
		suffix := map[bool]string{true: "_DIR", false: "_HOME"}[name == "RUNTIME"]
		s.environment = append(s.environment, "XDG_"+name+suffix+"="+dir)
	}
	port, err := s.port()
	if err != nil {
		return err
	}
	monitor := fmt.Sprintf("postgres://autoctl_node@%s/pg_auto_failover?sslmode=disable", address(port))
	s.define("MONITOR", monitor)
	s.define("ADMIN", "canary_admin")
	s.patient()
	create := []string{"create", "monitor", fmt.Sprint("--pgport=", port)}
	if err := s.autoctl(ctx, program, "monitor", create...); err != nil {
		return err
	}
	for _, name := range []string{"db1", "db2"} {
		port, err := s.port()
		if err != nil {
			return err
		}
		s.define(map[string]string{"db1": "DB1", "db2": "DB2"}[name], address(port))
		create := []string{"create", "postgres", fmt.Sprint("--pgport=", port), "--name=" + name, "--username=canary_admin", "--monitor=" + monitor}
		if err := s.autoctl(ctx, program, name, create...); err != nil {
			return err
		}
	}
	s.defineCommand("stop_db1", "pg_autoctl stop --immediate --pgdata "+quote(filepath.Join(s.dir, "db1")))
	return s.awaitSQL(ctx, monitor, "SELECT count(*) = 2 FROM pgautofailover.node WHERE reportedstate IN ('primary', 'secondary') AND goalstate = reportedstate")
}

// autoctl creates a node in the directory of its name, and starts what keeps it.
func (s *stage) autoctl(ctx context.Context, program, name string, create ...string) error {
	data := "--pgdata=" + filepath.Join(s.dir, name)
	if err := s.run(ctx, program, append(create, data, "--hostname="+host, "--auth=trust", "--no-ssl")...); err != nil {
		return err
	}
	return s.start(ctx, name, program, "run", data)
}

// patience only guards against hanging.
const patience = 3 * time.Minute

// awaitSQL waits until a query says yes.
func (s *stage) awaitSQL(ctx context.Context, dsn, query string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		yes, err := ask(ctx, dsn, query)
		if yes {
			return nil
		}
		if slept := lab.Sleep(ctx, 200*time.Millisecond); slept != nil {
			return fmt.Errorf("%q was not true within %v; last error: %w\n%s", query, patience, err, s.logs())
		}
	}
}

func ask(ctx context.Context, dsn, query string) (yes bool, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // It was only read.
	err = conn.QueryRow(ctx, query).Scan(&yes)
	return yes, err
}

// logs are the ends of what the scene's programs and the page's own printed.
func (s *stage) logs() string {
	const tail = 3000
	files, _ := filepath.Glob(filepath.Join(s.dir, "*.log"))
	own, _ := filepath.Glob(filepath.Join(s.dir, "work", "*.log"))
	files = append(files, own...)
	text := ""
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			content = []byte(err.Error())
		}
		text += "--- " + filepath.Base(file) + " ends with:\n" + string(content[max(0, len(content)-tail):])
	}
	return text
}
