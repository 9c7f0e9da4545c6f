//go:build unix

package patroni

import (
	"fmt"
	"path/filepath"
	"strings"
)

// config is the member's patroni.yml. Times are the shortest that Patroni takes: a member
// that is killed is out of etcd after 20 s. A leader waits for etcd as long as that allows, so
// that none steps down because the machine is busy.
func (m *Member) config() string {
	return fmt.Sprintf(strings.TrimPrefix(`
scope: canary
namespace: /lab/
name: %[1]s
restapi:
  listen: 127.0.0.1:%[2]d
  connect_address: 127.0.0.1:%[2]d
etcd3:
  host: 127.0.0.1:%[3]d
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 9
    postgresql:
      use_pg_rewind: true
      use_slots: true
  initdb:
  - encoding: UTF8
  - locale: C
  - data-checksums
  - auth-host: scram-sha-256
  - auth-local: trust
postgresql:
  listen: 127.0.0.1:%[4]d
  connect_address: 127.0.0.1:%[4]d
  data_dir: %[5]s
  bin_dir: %[6]s
  pgpass: %[7]s
  authentication:
    superuser: {username: %[8]s, password: %[9]s}
    replication: {username: replicator, password: %[10]s}
    rewind: {username: %[8]s, password: %[9]s}
  parameters:
    unix_socket_directories: %[11]s
    fsync: "off"
    shared_buffers: 16MB
    max_connections: 50
    min_wal_size: 32MB
  pg_hba:
  - local all all trust
  - host replication replicator 127.0.0.1/32 scram-sha-256
  - host all all 127.0.0.1/32 scram-sha-256
  basebackup:
    checkpoint: fast
tags:
  nofailover: %[12]t
  noloadbalance: %[13]t
  clonefrom: true
`, "\n"), m.Name, m.rest, m.cluster.etcdPort, m.Port, m.DataDir(), m.cluster.installation.BinDir,
		filepath.Join(m.dir, "pgpass"), Superuser, m.cluster.Password, m.cluster.replication, m.dir, m.NoFailover, m.NoLoadBalance)
}
