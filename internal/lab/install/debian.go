//go:build unix

package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// policy and createCluster are where Debian's packages ask before they start a
// service, and before PostgreSQL's makes a cluster of its own.
const (
	policy        = "/usr/sbin/policy-rc.d"
	createCluster = "/etc/postgresql-common/createcluster.conf"
)

// keepServicesDown keeps Debian's packages from starting services and from making
// a database cluster, unless the administrator has decided about that already.
// restore takes the first back; the second stays, as the package would start the
// cluster at the next boot.
func keepServicesDown() (restore func(), err error) {
	if err := writeNew(createCluster, "create_main_cluster = false\n", 0o644); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("keep PostgreSQL's package from making a cluster: %w", err)
	}
	switch err := writeNew(policy, "#!/bin/sh\n# 101: starting a service is not allowed.\nexit 101\n", 0o755); {
	case errors.Is(err, os.ErrExist):
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("keep packages from starting services: %w", err)
	}
	return func() { _ = os.Remove(policy) }, nil
}

// writeNew writes a file that does not exist yet; os.ErrExist if it does.
func writeNew(path, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // Directories of the system, which all may read.
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	// The mask may have taken the right to run it.
	return errors.Join(err, file.Chmod(mode), file.Close())
}
