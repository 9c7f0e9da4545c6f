//go:build unix

package pgcluster

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketPath is what fits into sockaddr_un on macOS; Linux takes 107.
const maxSocketPath = 103

// defaultSettings are of a server that is thrown away: what costs time to
// survive a crash of the machine is off, what replication needs is on.
func defaultSettings() map[string]string {
	return map[string]string{
		"listen_addresses": Host,
		"max_connections":  "100",
		"shared_buffers":   "16MB",
		"fsync":            "off",
		"min_wal_size":     "32MB",
		// Its default, posix, leaves files in /dev/shm behind a killed server.
		"dynamic_shared_memory_type": "mmap",
		"huge_pages":                 "off",

		"wal_level":             "replica",
		"max_wal_senders":       "20",
		"max_replication_slots": "20",
		"wal_keep_size":         "64MB",
		"hot_standby":           "on",
		"hot_standby_feedback":  "off",
		// Its default, 5 s, is how long a replica waits until it connects again.
		"wal_retrieve_retry_interval": "100ms",

		"password_encryption": "scram-sha-256", // 13 would make MD5 ones

		"autovacuum":      "on",
		"timezone":        "UTC",
		"log_timezone":    "UTC",
		"lc_messages":     "C",
		"log_line_prefix": "%m [%p] %q%u@%d/%a ",
	}
}

// settingsFor puts a server's settings together; what the caller wants wins.
func (s *Server) settingsFor(wanted map[string]string) (map[string]string, error) {
	if _, given := wanted["port"]; given {
		return nil, fmt.Errorf("the port of server %s is chosen by pgcluster", s.Name)
	}
	all := defaultSettings()
	all["port"] = strconv.Itoa(s.Port)
	all["unix_socket_directories"] = s.dir()
	if len(filepath.Join(s.dir(), ".s.PGSQL."+strconv.Itoa(s.Port))) > maxSocketPath {
		all["unix_socket_directories"] = ""
	}
	maps.Copy(all, wanted)
	return all, nil
}

// SetConfig changes settings in postgresql.conf and reloads it. A connection
// that is made afterwards sees them; settings that only a restart changes wait
// for Restart.
func (s *Server) SetConfig(_ context.Context, settings map[string]string) error {
	if _, given := settings["port"]; given {
		return fmt.Errorf("the port of server %s cannot change", s.Name)
	}
	s.mu.Lock()
	maps.Copy(s.settings, settings)
	err := s.writeSettings()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Reload()
}

// SetHBA puts lines before the default ones of pg_hba.conf, in place of those
// of the last call, and reloads it. It holds for connections made afterwards.
func (s *Server) SetHBA(_ context.Context, lines ...string) error {
	s.mu.Lock()
	s.hba = slices.Clone(lines)
	err := s.writeHBA()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Reload()
}

// Reload makes the server read its configuration files again; one that does
// not run reads them when it starts.
func (s *Server) Reload() error {
	if p := s.process(); p.Running() {
		return p.signal(syscall.SIGHUP)
	}
	return nil
}

func (s *Server) writeSettings() error {
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		if strings.ContainsAny(s.settings[name], "\n\r\x00") {
			return fmt.Errorf("setting %s has more than one line", name)
		}
		fmt.Fprintf(&conf, "%s = '%s'\n", name, confEscaper.Replace(s.settings[name]))
	}
	return s.cluster.account.WriteFile(filepath.Join(s.DataDir, "postgresql.conf"), conf.String())
}

// confEscaper quotes a value of postgresql.conf, where a backslash escapes.
var confEscaper = strings.NewReplacer(`\`, `\\`, `'`, `''`)

func (s *Server) writeHBA() error {
	lines := append(slices.Clone(s.hba),
		"local all         all         scram-sha-256",
		"host  all         all         127.0.0.1/32 scram-sha-256",
		"host  replication "+replicator+" 127.0.0.1/32 scram-sha-256",
		"")
	return s.cluster.account.WriteFile(filepath.Join(s.DataDir, "pg_hba.conf"), strings.Join(lines, "\n"))
}
