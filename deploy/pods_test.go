//go:build unix

package deploy_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// program is the real exporter.
var program *exporter.Program

func TestMain(m *testing.M) {
	var err error
	if program, err = exporter.Build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		http.DefaultClient.CloseIdleConnections()
		if err := program.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}))
}

// TestPods runs the pods of the manifests on a real pair: setup's Job, the exporter, then another password and another configuration
// without a restart.
func TestPods(t *testing.T) {
	t.Parallel()
	_, primary, replica := pgtest.NewPair(t, pgcluster.Options{})
	k := &kubelet{TB: t, root: t.TempDir(), objects: map[string]map[string]string{
		"pg-canary":     {"password": rand.Text()},
		"app-superuser": {"password": password(t, primary.SuperDSN())},
	}}
	config := read(t, "kubernetes/base/clusters.yml")
	for service, server := range map[string]*pgcluster.Server{"app-rw": primary, "app-ro": replica} {
		config = strings.ReplaceAll(config, "host="+service, "host="+server.Host+fmt.Sprintf(" port=%d dbname=postgres sslmode=disable", server.Port))
	}
	k.objects["pg-canary-exporter"] = map[string]string{"clusters.yml": config}

	setup(t, k, primary)
	deployment := k.load("kubernetes/base/deployment.yaml")
	args, _ := k.prepare(deployment)
	running, err := program.Start(t.Context(), exporter.Config{Args: args, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	}()
	synced := []string{"\npg_canary_up 1\n", "\npg_canary_synced{replica=\"ro\"} 1\n"}
	await(t, running, "/probe?target=app", synced...)

	// Another password: in the Secret, and, by setup once more, in the database. Then all connections are lost.
	k.objects["pg-canary"]["password"] = rand.Text()
	setup(t, k, primary)
	k.prepare(deployment)
	for _, server := range []*pgcluster.Server{primary, replica} {
		if err := server.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'canary'"); err != nil {
			t.Fatal(err)
		}
	}
	await(t, running, "/probe?target=app", synced...)

	// Another configuration.
	k.objects["pg-canary-exporter"]["clusters.yml"] = config + "  - name: second\n    nodes: [{name: a, dsn: host=127.0.0.1 port=1}]\n"
	k.prepare(deployment)
	await(t, running, "/targets", `"__param_target":"second"`)
}

// setup runs the Job, with a connection string of this machine.
func setup(t *testing.T, k *kubelet, primary *pgcluster.Server) {
	t.Helper()
	args, env := k.prepare(k.load("kubernetes/setup/job.yaml"))
	for i, arg := range args {
		if strings.HasPrefix(arg, "--primary.dsn=") {
			args[i] = fmt.Sprintf("--primary.dsn=host=%s port=%d user=postgres dbname=postgres sslmode=disable", primary.Host, primary.Port)
		}
	}
	// A busy machine may take its time.
	command := program.Command(t.Context(), nil, append(args, "--probe.timeout=1m")...)
	command.Env = append(command.Env, env...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("setup: %v\n%s", err, output)
	}
}

// await asks the exporter until all of an answer is there.
func await(t *testing.T, running *exporter.Exporter, path string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	var last string
	for ; ; <-again.C {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+running.Address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: %v; the last answer was:\n%s", path, err, last)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // It was only read.
		if err != nil {
			t.Fatal(err)
		}
		last = string(body)
		if containsAll(last, want) {
			return
		}
	}
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func password(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("no URL") // An error would quote it.
	}
	word, _ := u.User.Password()
	return word
}

// TestSetupAsCloudNativePGRunsIt runs what setup prints as postInitApplicationSQLRefs does: the whole file in one message, in a session with
// a search path of its own.
func TestSetupAsCloudNativePGRunsIt(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, pgcluster.Options{}).Primary()
	command := program.Command(t.Context(), nil, "setup", "--print", "--cluster.name=app")
	secret := rand.Text()
	command.Env = append(command.Env, "PG_CANARY_ROLE_PASSWORD="+secret)
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	super := connect(t, server.SuperDSN())
	for _, query := range []string{`SET search_path TO "$user", public`, string(printed), "RESET search_path"} {
		if _, err := super.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	canary := connect(t, server.DSN("canary", secret, "postgres"))
	var cluster string
	if err := canary.QueryRow(t.Context(), "SELECT cluster FROM canary.section WHERE name = 'default'").Scan(&cluster); err != nil || cluster != "app" {
		t.Errorf("the role canary reads cluster %q, %v", cluster, err)
	}
}

// connect connects as CloudNativePG does.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal("no connection string") // An error would quote it.
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // Nothing comes after it.
	return conn
}
