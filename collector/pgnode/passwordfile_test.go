package pgnode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestPasswordFile connects again and again while the file changes, and then the password.
func TestPasswordFile(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	t.Setenv("PGPASSWORD", "not-this-one")
	file := filepath.Join(t.TempDir(), "password")
	bare := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", d.role, d.server.Addr(), d.name)
	connect := func(dsn string) error {
		node, err := New(dsn, Options{Section: DefaultSection, StatementTimeout: 5 * time.Second, PasswordFile: file})
		must(t, err)
		defer func() { must(t, node.Close(context.WithoutCancel(t.Context()))) }()
		return node.Connect(t.Context())
	}
	fails := func(content, want string) {
		t.Helper()
		must(t, os.WriteFile(file, []byte(content), 0o600))
		err := connect(bare)
		var known *probe.Error
		if !errors.As(err, &known) || known.Reason != probe.ReasonAuth || known.Hint == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want %q", content, err, want)
		}
		if text := fmt.Sprint(err); strings.Contains(text, file) || content != "" && content != "\n" && strings.Contains(text, strings.TrimSpace(content)) {
			t.Errorf("the error gives the password or its file away: %v", err)
		}
	}
	if err := connect(bare); err == nil || !strings.Contains(err.Error(), "the password file cannot be read: no such file or directory") {
		t.Errorf("without the file: %v", err)
	}
	fails("", "the password file is empty")
	fails("\n", "the password file is empty")
	fails("another"+marked, "compare the user in the connection string and the password in the password file")
	fails(rolePassword+"\n\n", "the password in the password file") // One line end alone is cut off.
	for _, content := range []string{rolePassword, rolePassword + "\n", rolePassword + "\r\n"} {
		must(t, os.WriteFile(file, []byte(content), 0o600))
		must(t, connect(bare))
	}
	must(t, connect(d.server.DSN(d.role, rolePassword, d.name)))
	fails("another"+marked, "the password in the password file")
	must(t, connect(d.server.DSN(d.role, rolePassword, d.name))) // The string's own wins.

	node, err := New(bare, Options{Section: DefaultSection, StatementTimeout: 5 * time.Second, PasswordFile: file, Fresh: true})
	must(t, err)
	defer func() { must(t, node.Close(context.WithoutCancel(t.Context()))) }()
	for _, password := range []string{"first" + marked, "second" + marked} {
		d.exec(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", d.role, password))
		must(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
		node.Prepare()
		must(t, node.Connect(t.Context()))
		_, err := node.Read(t.Context()) // A fresh node is connected anew after this.
		must(t, err)
	}
}

// TestPasswordFilesThatAreNone looks at what would be waited for, read without end or sent in vain.
func TestPasswordFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(path("long"), []byte(strings.Repeat("x", longestPassword+1)), 0o600))
	must(t, os.WriteFile(path("longest"), []byte(strings.Repeat("x", longestPassword)+"\r\n"), 0o600))
	must(t, os.WriteFile(path("nul"), []byte("a\x00"+marked), 0o600))
	must(t, syscall.Mkfifo(path("pipe"), 0o600))
	for name, want := range map[string]string{
		"": "is a directory, a pipe or a device", "pipe": "is a directory, a pipe or a device", "long": "is longer than any password",
		"nul": "contains a NUL byte", "missing": "cannot be read: no such file", "longest": "<nil>",
	} {
		if err := CheckPasswordFile(path(name)); !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), dir) || strings.Contains(fmt.Sprint(err), marked) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}
