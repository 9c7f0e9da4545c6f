//go:build unix

package pgcluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/account"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// templates keeps a fresh data directory per installation and file system until
// this process ends: a copy of it takes a tenth of the time that initdb takes.
var templates = struct {
	sync.Mutex
	made map[templateKey]template
}{made: map[templateKey]template{}}

type templateKey struct{ binDir, parent string }

type template struct {
	dataDir  string
	password string // of the superuser
	cleaner  *reaper.Reaper
}

func templateOf(ctx context.Context, installation Installation, as account.Account, parent string) (template, error) {
	templates.Lock()
	defer templates.Unlock()
	key := templateKey{installation.BinDir, parent}
	if made, ok := templates.made[key]; ok {
		if _, err := os.Stat(made.dataDir); err == nil {
			return made, nil
		}
	}
	dir, cleaner, err := newRoot(ctx, parent, installation, as)
	if err != nil {
		return template{}, err
	}
	made := template{dataDir: filepath.Join(dir, "template", "data"), password: rand.Text(), cleaner: cleaner}
	if err := initdb(ctx, installation, as, made); err != nil {
		return template{}, errors.Join(err, cleaner.Finish())
	}
	templates.made[key] = made
	return made, nil
}

// newRoot makes a directory that the account can use and that is removed at
// the latest when this process ends.
func newRoot(ctx context.Context, parent string, installation Installation, as account.Account) (string, *reaper.Reaper, error) {
	dir, err := os.MkdirTemp(parent, "pgcluster-")
	if err != nil {
		return "", nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	cleaner, err := reaper.Start(dir, syscall.SIGQUIT)
	if err != nil {
		return "", nil, errors.Join(err, os.Remove(dir))
	}
	if err := errors.Join(as.Own(dir), as.Check(ctx, installation.path("postgres"), dir)); err != nil {
		return "", nil, errors.Join(err, cleaner.Finish())
	}
	return dir, cleaner, nil
}

func initdb(ctx context.Context, installation Installation, as account.Account, made template) error {
	parent := filepath.Dir(made.dataDir)
	if err := as.MakeDir(parent); err != nil {
		return err
	}
	passwordFile := filepath.Join(parent, "password")
	if err := as.WriteFile(passwordFile, made.password); err != nil {
		return err
	}
	args := []string{
		"-D", made.dataDir, "--username=" + superuser, "--pwfile=" + passwordFile,
		"--auth=scram-sha-256", "--locale=C", "--encoding=UTF8", "--no-sync",
	}
	if installation.Major >= 18 {
		args = append(args, "--no-data-checksums")
	}
	out, err := as.Command(ctx, parent, installation.path("initdb"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return os.Remove(passwordFile)
}

// The places of the system identifier in the files that carry it, and the
// checksum at the end of the control file, which covers everything before it.
const (
	walSystemIdentifier = 24
	controlFileMax      = 512
)

// newSystemIdentifier makes a copied data directory a database system of its
// own, as if it came from initdb: PostgreSQL tells clusters apart by it.
func newSystemIdentifier(dataDir string) error {
	var identifier [8]byte
	rand.Read(identifier[:])
	identifier[7] &= 0x7f // SQL shows it as a signed bigint

	control := filepath.Join(dataDir, "global", "pg_control")
	content, err := os.ReadFile(control)
	if err != nil {
		return err
	}
	end, err := controlFileEnd(content)
	if err != nil {
		return fmt.Errorf("%s: %w", control, err)
	}
	copy(content, identifier[:])
	binary.NativeEndian.PutUint32(content[end:], crc32.Checksum(content[:end], castagnoli))
	if err := os.WriteFile(control, content, 0o600); err != nil {
		return err
	}

	segments, err := filepath.Glob(filepath.Join(dataDir, "pg_wal", "0000*"))
	if err != nil {
		return err
	}
	for _, segment := range segments {
		if err := patch(segment, walSystemIdentifier, identifier[:]); err != nil {
			return err
		}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// controlFileEnd finds the checksum of the control file, whose place differs
// between major versions, by its being right.
func controlFileEnd(content []byte) (int, error) {
	for end := 16; end+4 <= min(len(content), controlFileMax); end += 4 {
		if binary.NativeEndian.Uint32(content[end:]) == crc32.Checksum(content[:end], castagnoli) {
			return end, nil
		}
	}
	return 0, errors.New("no valid checksum found")
}

func patch(path string, offset int64, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := file.WriteAt(content, offset); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
