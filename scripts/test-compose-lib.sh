# shellcheck shell=bash
# What test-compose.sh is written in. It sets $work, a directory for temporary
# files, and ${password[@]}, by the names of their files.
# shellcheck disable=SC2154
passed=0 failed=0 failures=()

dc() { docker compose "$@"; }

# check NAME COMMAND...: runs it; what it printed is shown when it fails, and once
# more by show_failures.
check() {
  local name=$1 start=$SECONDS
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "PASS $name ($((SECONDS - start)) s)"
    passed=$((passed + 1))
  else
    echo "FAIL $name ($((SECONDS - start)) s)"
    {
      tail -n 40 "$work/output"
      dc logs --no-color --since "$((SECONDS - start))s" --tail 15
    } 2>&1 | sed 's/^/     /'
    failed=$((failed + 1))
    failures+=("FAIL $name ($((SECONDS - start)) s): $(tail -n 5 "$work/output")")
  fi
}

# show_failures repeats what failed: a log that is kept in part is kept at its end.
show_failures() {
  local failure
  for failure in "${failures[@]}"; do echo "$failure"; done
}

# until_true SECONDS COMMAND...: tries it until it succeeds or time is up.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS >= deadline)); then
      echo "in vain: $*"
      return 1
    fi
    sleep 0.2
  done
}

# refuses TEXT COMMAND...: the command fails, and what it prints has the text.
refuses() {
  local text=$1
  shift
  if "$@" >"$work/refusal" 2>&1; then
    echo "not refused: $*"
    return 1
  fi
  tee -a "$work/logs" <"$work/refusal"
  grep --quiet --fixed-strings "$text" "$work/refusal"
}

target() { make --no-print-directory --file compose.mk "$1"; }

promtool_query() {
  dc exec -T prometheus promtool query instant http://127.0.0.1:9090 "$1" 2>/dev/null | sed '/^$/d'
}
query() { promtool_query "$1" | grep .; }
in_state() { query "pg_canary_replica_state{cluster=\"demo\",state=\"$1\"} == 1"; }

# Prometheus goes on showing an old sample for minutes: only newer ones count.
synced_since() { query "pg_canary_synced{cluster=\"demo\"} == 1 and timestamp(pg_canary_synced) > $1"; }

on_primary() { dc exec -T db psql -XqAtU postgres --command "$1"; }
on_replica() { dc exec -T db_replica psql -XqAtU postgres --command "$1"; }
replica_answers() { [[ $(on_replica 'SELECT pg_is_in_recovery()') == t ]]; }

written=0
write_row() {
  on_primary "CREATE TABLE IF NOT EXISTS written (); INSERT INTO written DEFAULT VALUES" && written=$((written + 1))
}
replica_has_rows() { (($(on_replica 'SELECT count(*) FROM written') >= written)); }

# comes_back: a row written now reaches the replica, none is lost on the way, and
# Prometheus shows synced again.
comes_back() {
  local now
  now=$(date +%s)
  until_true 90 write_row && until_true 90 replica_has_rows && until_true 90 synced_since "$now"
}

# keep_logs: what `docker compose logs` shows, before the containers go.
keep_logs() { dc --profile '*' logs --no-color >>"$work/logs"; }

has_no_password() {
  local secret found=0
  for secret in "${!password[@]}"; do
    grep --fixed-strings "${password[$secret]%%-*}" "$1" && found=1
  done
  return $found
}

take_down() {
  dc --profile '*' down --volumes --remove-orphans >/dev/null 2>&1
  docker image rm "$EXPORTER_IMAGE" >/dev/null 2>&1
  rm -rf "$work"
}
