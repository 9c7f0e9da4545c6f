#!/usr/bin/env bash
# Entry point of a replica, and of each node of the profile ha: gets a data directory
# where there is none yet, then starts the server.
#
#   PRIMARY  hosts of which one takes writes: it is the one that is cloned and followed
#   NAME     the node's own name, and that of its slot where SLOTS=yes
#   FIRST    yes on the one node that makes a new cluster where nobody has one
#
# A clone grows beside PGDATA and takes that name when it is whole, so that an
# interrupted one is never taken for a good one.
set -euo pipefail

primary="host=$PRIMARY user=replicator application_name=$NAME connect_timeout=5 target_session_attrs=read-write"
clone=$PGDATA.clone
# A primary that was given up has this mark, and must not be one again: what it has may
# not be what the others have. Its data is kept once, to look at.
fenced=$PGDATA.fenced
before=$PGDATA.before

# libpq reads it in psql, pg_basebackup and the WAL receiver. It is in memory.
export PGPASSFILE=/tmp/passfile
write_passfile() {
  local password
  password=$(</run/secrets/replication_password)
  password=${password//\\/\\\\}
  (umask 077 && printf '*:*:*:replicator:%s\n' "${password//:/\\:}" >"$PGPASSFILE")
}

# The slot of a replica whose volume was deleted is dropped, not used again: it
# may have lost its WAL, and a new one keeps none but what this clone needs.
drop_slot() {
  psql --no-psqlrc --no-password --quiet --tuples-only --output=/dev/null \
    --dbname="$primary dbname=postgres" --command="
      SELECT pg_drop_replication_slot(slot_name)
      FROM pg_replication_slots
      WHERE slot_name = '$NAME' AND NOT active"
}

clone_primary() {
  local slot=()
  rm -rf "$clone"
  if [[ ${SLOTS:-} == yes ]]; then
    drop_slot || return
    slot=(--create-slot --slot="$NAME")
  fi
  # In the background, so that the trap can end it.
  pg_basebackup --no-password --dbname="$primary" --pgdata="$clone" --checkpoint=fast "${slot[@]}" &
  wait $! || return
  touch "$clone/standby.signal"
  {
    echo "primary_conninfo = '$primary'"
    [[ ${SLOTS:-} != yes ]] || echo "primary_slot_name = '$NAME'"
  } >>"$clone/postgresql.auto.conf"
  sync
  mv "$clone" "$PGDATA"
}

# answers: one of the hosts does, whether it takes writes or not.
answers() { pg_isready --quiet --dbname="host=$PRIMARY user=replicator dbname=postgres connect_timeout=5"; }

# nobody_answers: for as long as a node that has data takes to start.
nobody_answers() {
  for _ in 1 2 3 4 5; do
    if answers; then return 1; fi
    sleep 1
  done
}

trap 'exit 143' INT TERM
write_passfile
if [[ -e $fenced ]]; then
  echo "$NAME: another node is the primary now"
  if [[ -e $PGDATA ]]; then
    rm -rf "$before"
    mv "$PGDATA" "$before"
  fi
  rm "$fenced"
fi
if [[ ! -e $PGDATA ]] && ! { [[ ${FIRST:-} == yes && ! -e $before ]] && nobody_answers; }; then
  echo "$NAME: no data yet, waiting for the primary"
  until answers; do sleep 1; done
  echo "$NAME: cloning the primary"
  until clone_primary; do
    echo "$NAME: the clone failed, next try in 3 s" >&2
    sleep 3
  done
  echo "$NAME: cloned"
fi

exec docker-entrypoint.sh "$@"
