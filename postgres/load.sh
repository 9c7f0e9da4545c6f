#!/usr/bin/env bash
# Writes heavily on the primary with pgbench, for LOAD_SECONDS. Replay mostly
# keeps up with that alone, so a long report on the replica makes it wait: replay
# must not remove the rows that the report's snapshot still sees.
set -euo pipefail

PGPASSWORD=$(</run/secrets/postgres_password)
export PGPASSWORD

pgbench --initialize --quiet --scale="$LOAD_SCALE"

PGOPTIONS='--synchronous_commit=off' pgbench --no-vacuum --protocol=prepared \
  --client="$LOAD_CLIENTS" --time="$LOAD_SECONDS" --progress=10 &
load=$!

report() {
  psql --host=db_replica --no-psqlrc --quiet --output=/dev/null \
    --set=ON_ERROR_STOP=1 --set=seconds="$LOAD_REPORT_SECONDS" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT sum(bbalance) FROM pgbench_branches;
SELECT pg_sleep(:seconds);
COMMIT;
SQL
}

while sleep 10 && kill -0 "$load" 2>/dev/null; do
  echo "load: a report of $LOAD_REPORT_SECONDS s runs on the replica"
  report || echo "load: the report was cancelled"
done
wait "$load"
