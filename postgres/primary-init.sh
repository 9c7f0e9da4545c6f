#!/usr/bin/env bash
# Runs once, when the primary's data directory is made: a role that may
# replicate, and the line of pg_hba.conf that lets it in.
set -euo pipefail

# The password travels in psql's environment, and a failing statement is not
# logged: it is seen neither in the process list nor in the server's log.
password=$(</run/secrets/replication_password)
if [[ -z $password ]]; then
  echo "the file replication_password is empty" >&2
  exit 1
fi
REPLICATION_PASSWORD=$password \
  psql --no-psqlrc --no-password --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<'SQL'
\getenv password REPLICATION_PASSWORD
SET log_min_error_statement = panic;
SET log_statement = none;
SET log_min_duration_statement = -1;
SET password_encryption = 'scram-sha-256';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
SQL

echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
