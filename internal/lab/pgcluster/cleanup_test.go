//go:build unix

package pgcluster_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// ownerVariable makes the test binary an owner of a cluster below the
// directory that it names, to be killed by TestOwnerKilled.
const ownerVariable = "PGCLUSTER_TEST_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		if err := own(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

func own(dir string) error {
	ctx := context.Background()
	cluster, err := pgcluster.New(ctx, pgcluster.Options{Dir: dir})
	if err != nil {
		return err
	}
	replica, err := cluster.AddReplica(ctx, pgcluster.ReplicaOptions{})
	if err != nil {
		return err
	}
	if err := replica.Freeze(); err != nil {
		return err
	}
	fmt.Println("ready")
	return nil
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	parent := sharedTempDir(t)
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"="+parent)
	out, err := owner.StdoutPipe()
	must(t, err)
	must(t, owner.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	if said != "ready\n" {
		t.Errorf("the owner says %q (%v)", said, err)
	}
	if got := serversBelow(t, parent); len(got) < 2 {
		t.Errorf("servers before the owner is killed: %v", got)
	}
	must(t, owner.Process.Kill())
	_ = owner.Wait()

	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		servers, files := serversBelow(t, parent), entries(t, parent)
		if len(servers) == 0 && len(files) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: servers %v, files %v", servers, files)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	parent := sharedTempDir(t)
	cluster, err := pgcluster.New(soon(t), pgcluster.Options{Dir: parent})
	must(t, err)
	t.Cleanup(func() { must(t, cluster.Close()) })
	replica, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{})
	must(t, err)
	must(t, replica.Freeze())
	if got := serversBelow(t, parent); len(got) < 2 {
		t.Fatalf("servers below %s: %v", parent, got)
	}

	must(t, cluster.Close())
	must(t, cluster.Close())
	if got := serversBelow(t, parent); len(got) > 0 {
		t.Errorf("servers left: %v", got)
	}
	// What stays until the process ends is the template of the next cluster.
	for _, dir := range entries(t, parent) {
		if got := entries(t, filepath.Join(parent, dir)); len(got) != 1 || got[0] != "template" {
			t.Errorf("left in %s: %v", dir, got)
		}
	}
	if err := replica.Start(soon(t)); err == nil {
		t.Error("a server of a closed cluster was started")
	}
	if _, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{}); err == nil {
		t.Error("a closed cluster got a replica")
	}
}

func TestFailedNewLeavesNothing(t *testing.T) {
	t.Parallel()
	parent := sharedTempDir(t)
	_, err := pgcluster.New(soon(t), pgcluster.Options{Dir: parent, Settings: map[string]string{"shared_buffers": "lots"}})
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers": "lots"`) {
		t.Errorf("the error does not show the end of the log: %v", err)
	}
	if got := serversBelow(t, parent); len(got) > 0 {
		t.Errorf("servers left: %v", got)
	}
	if got := entries(t, parent); len(got) != 1 {
		t.Errorf("more than the template is left: %v", got)
	}
}

// sharedTempDir is open to the user whom the servers run as, which t.TempDir is not.
func sharedTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgcluster-test-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	dir, err = filepath.EvalSymlinks(dir)
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	var names []string
	for _, entry := range found {
		names = append(names, entry.Name())
	}
	return names
}

// serversBelow lists the processes that work below dir, as every process of a
// PostgreSQL server does.
func serversBelow(t *testing.T, dir string) []string {
	t.Helper()
	all, err := process.Processes()
	must(t, err)
	var found []string
	for _, each := range all {
		if cwd, err := each.Cwd(); err == nil && strings.HasPrefix(cwd, dir+"/") {
			found = append(found, fmt.Sprintf("%d in %s", each.Pid, cwd))
		}
	}
	return found
}
