package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// Load reads a configuration file. The error is a [*FaultsError] with every mistake in it, or says
// why the file cannot be read. Whether the files that it names are there is not asked: they
// are read at every connect. See [Check].
func Load(file string) (*Config, error) { return load(file, nil) }

// Check is [Load] that also looks at what this machine lacks of what the file names:
// certificates, keys, services and password files.
func Check(file string) (*Config, error) {
	if err := pgnode.CheckEnvironment(); err != nil {
		return nil, err
	}
	return load(file, lookAtMachine)
}

// load reads a file and has what is right in it looked at, if somebody wants to.
func load(file string, look func(*loader)) (*Config, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	directory, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, unreadable(file, err)
	}
	l := parse(content, directory)
	if look != nil {
		look(l)
	}
	if len(l.faults) > 0 {
		return nil, &FaultsError{File: file, All: sorted(l.faults)}
	}
	return &Config{Clusters: l.document.Clusters, directory: directory}, nil
}

// unreadable says why a file cannot be read, without its name where that may be a connection
// string.
func unreadable(file string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if strings.ContainsAny(file, "@=;") || strings.Contains(file, "://") {
		file = "(its name is not shown, because it may be a connection string)"
	}
	return fmt.Errorf("the configuration file %s cannot be read: %w", file, err)
}

// loader is a file that is being read, with what is wrong in it.
type loader struct {
	*reader
	document  document
	directory string // where relative paths begin
}

// parse reads the content of a file.
func parse(content []byte, directory string) *loader {
	l := &loader{reader: newReader(), directory: directory}
	root, fault := syntax(content)
	if fault != nil {
		l.faults = append(l.faults, *fault)
		return l
	}
	l.readDocument(root, &l.document)
	l.complete()
	return l
}
