#!/usr/bin/env bash
# Entry point of the replica: clones the primary when there is no data directory
# yet, then starts the server. The clone grows beside PGDATA and takes that name
# when it is whole, so that an interrupted one is never taken for a good one.
set -euo pipefail

slot=db_replica
primary="host=db-replication user=replicator application_name=$slot connect_timeout=5"
clone=$PGDATA.clone

# The slot of a replica whose volume was deleted is dropped, not used again: it
# may have lost its WAL, and a new one keeps none but what this clone needs.
drop_slot() {
  psql --no-psqlrc --no-password --quiet --tuples-only --output=/dev/null \
    --dbname="$primary dbname=postgres" --command="
      SELECT pg_drop_replication_slot(slot_name)
      FROM pg_replication_slots
      WHERE slot_name = '$slot' AND NOT active"
}

clone_primary() {
  rm -rf "$clone"
  drop_slot || return
  # In the background, so that the trap can end it.
  pg_basebackup --no-password --dbname="$primary" --pgdata="$clone" \
    --checkpoint=fast --create-slot --slot="$slot" &
  wait $! || return
  touch "$clone/standby.signal"
  cat >>"$clone/postgresql.auto.conf" <<CONF
primary_conninfo = '$primary'
primary_slot_name = '$slot'
CONF
  sync
  mv "$clone" "$PGDATA"
}

trap 'exit 143' INT TERM
if [[ ! -e $PGDATA ]]; then
  echo "replica: no data yet, waiting for the primary"
  until pg_isready --quiet --dbname="$primary dbname=postgres"; do sleep 1; done
  echo "replica: cloning the primary"
  until clone_primary; do
    echo "replica: the clone failed, next try in 3 s" >&2
    sleep 3
  done
  echo "replica: cloned"
fi

exec docker-entrypoint.sh "$@"
