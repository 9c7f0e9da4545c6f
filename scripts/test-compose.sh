#!/usr/bin/env bash
# Starts the Compose stack under a name, ports and passwords of its own, puts it
# through what it has to survive, and takes it down. Needs Docker, Compose v2 and
# the images of docker-compose.yml; Grafana's may be missing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

docker info >/dev/null 2>&1 || { echo "Docker does not answer: start its engine first" >&2; exit 1; }

work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=pg-canary-test-$$ COMPOSE_ENV_FILES=.env.example
export POSTGRES_PORT=0 POSTGRES_REPLICA_PORT=0 EXPORTER_PORT=0 PROMETHEUS_PORT=0 GRAFANA_PORT=0 ALERTMANAGER_PORT=0 HA_EXPORTER_PORT=0
export EXPORTER_IMAGE=pg_canary_exporter:test-$$ VERSION=0.0.0-test
export LOAD_SECONDS=30 LOAD_REPORT_SECONDS=15
# A word to look for in logs, and what careless quoting, a URL or SQL would break.
declare -A password=(
  [postgres_password]="Zebra71-'\"\$x @/%"
  [replication_password]="Okapi82-'\"\$x :\\"
  [canary_password]="Tapir93-'\"\$x ?#&"
  [grafana_password]="Lemur04-'\"\$x ;="
)
# As docs/compose.md says: nobody else can look into the directory, the containers can read their files.
export SECRETS=$work/secrets
mkdir --mode=700 "$SECRETS"
for secret in "${!password[@]}"; do echo "${password[$secret]}" >"$SECRETS/$secret"; done
chmod 644 "$SECRETS"/*

# shellcheck source=scripts/test-compose-lib.sh
source scripts/test-compose-lib.sh
trap take_down EXIT
trap 'exit 130' INT TERM

services=(db db_replica setup exporter prometheus)
grafana=$(dc config | sed -n 's|^ *image: \(grafana/.*\)|\1|p')
if docker image inspect "$grafana" >/dev/null 2>&1 || docker pull --quiet "$grafana" >/dev/null 2>&1; then
  services+=(grafana)
else
  echo "note: $grafana cannot be had here; its service is loaded, not started"
fi
if ! docker run --rm --entrypoint pgbench postgres:16 --version >/dev/null 2>&1; then
  bench=$(find /usr/lib/postgresql -name pgbench 2>/dev/null | sort | tail -n 1)
  echo "note: postgres:16 has no pgbench here; taking ${bench:?no pgbench on this machine either}"
  printf 'services: {load: {volumes: ["%s:/usr/local/bin/pgbench:ro"]}}\n' "$bench" >"$work/pgbench.yml"
  export COMPOSE_FILE=docker-compose.yml:$work/pgbench.yml
fi

config_loads() {
  local profile
  for profile in '' load alerts ha '*'; do dc --profile "$profile" config --quiet || return; done
  diff <(defined_variables) <(used_variables) || return
  diff <(clean_config .env.example) <(clean_config /dev/null)
}
defined_variables() { sed -n 's/=.*//p' .env.example | grep -v '^#' | sort; }
used_variables() { sed -nE 's/.*\$\{([A-Z_]+):-.*/\1/p' docker-compose.yml | sort -u; }
clean_config() {
  env --ignore-environment PATH="$PATH" HOME="$HOME" docker compose --env-file "$1" --profile '*' config
}
check "the configuration loads, .env.example has its variables and defaults" config_loads

demo_is_complete() { diff <(ls secrets/demo) <(printf '%s\n' "${!password[@]}" | sort); }
check "the demo's passwords are there" demo_is_complete

digests_fit() {
  local pinned=(-f docker-compose.yml -f docker-compose.digests.yml --profile '*')
  dc "${pinned[@]}" config --images | grep -vFx "$EXPORTER_IMAGE" | sort -u >"$work/pinned"
  [[ -s $work/pinned ]] && ! grep -vE '@sha256:[0-9a-f]{64}$' "$work/pinned" || return
  diff <(dc --profile '*' config --images | grep -vFx "$EXPORTER_IMAGE" | sort -u) <(sed 's/@.*//' "$work/pinned") || return
  local go
  go=$(sed -nE 's/^ARG GO_IMAGE=//p' Dockerfile)
  # The builds of all four services that run the exporter.
  [[ $(dc "${pinned[@]}" config | grep -cE "^        GO_IMAGE: $go@sha256:[0-9a-f]{64}\$") == 4 ]]
}
check "docker-compose.digests.yml pins every image, by the tag of docker-compose.yml" digests_fit

old_variable() {
  refuses "$1 is set, but passwords are files" env "$1=secret" COMPOSE_PROJECT_NAME="$COMPOSE_PROJECT_NAME-2" \
    docker compose up --no-deps --no-build --detach "$2"
  local status=$?
  docker compose --project-name "$COMPOSE_PROJECT_NAME-2" down --volumes
  return $status
}
check "a POSTGRES_PASSWORD that is still set is refused by name" old_variable POSTGRES_PASSWORD db
check "a REPLICATION_PASSWORD that is still set is refused by name" old_variable REPLICATION_PASSWORD db_replica

unreadable() {
  mkdir "$work/closed" && cp "$SECRETS"/* "$work/closed" && chmod 600 "$work/closed/canary_password" || return
  refuses "The containers cannot read $work/closed/canary_password" env SECRETS="$work/closed" scripts/compose-up.sh
}
check "a password that the containers cannot read is named" unreadable

missing_file() {
  mkdir "$work/bare" && cp docker-compose*.yml .env.example "$work/bare" || return
  (cd "$work/bare" && refuses "$1" env --unset=COMPOSE_FILE docker compose up --no-deps --detach prometheus)
}
check "a missing Prometheus configuration is named" missing_file bare/prometheus

build() { dc build exporter; }
check "the image builds" build

image_is_minimal() {
  docker run --rm "$EXPORTER_IMAGE" --version 2>&1 | grep --fixed-strings "$VERSION" || return
  docker inspect --format '{{.Config.User}} {{index .Config.Labels "org.opencontainers.image.version"}}' "$EXPORTER_IMAGE" |
    grep --line-regexp "65534:65534 $VERSION" || return
  docker create --name "$COMPOSE_PROJECT_NAME-files" "$EXPORTER_IMAGE" || return
  docker export "$COMPOSE_PROJECT_NAME-files" | tar --list | tee "$work/files"
  docker rm "$COMPOSE_PROJECT_NAME-files"
  grep --line-regexp etc/ssl/certs/ca-certificates.crt "$work/files" && ! grep -E '^(usr|bin|lib)/' "$work/files"
}
check "the image holds the binary and certificates, for nobody, with its version" image_is_minimal

first_start() {
  local start=$SECONDS
  dc up --detach "${services[@]}" && until_true 60 synced_since 0 || return
  first_synced=$((SECONDS - start))
  ((first_synced < 60))
}
check "synced in Prometheus within 60 s of up" first_start
echo "     from up to the first synced 1: ${first_synced:-more than 60} s"

check "every service is healthy" dc up --detach --wait "${services[@]}"

hardened="read-only root, no capabilities, no new privileges, limits of memory and processes, not root"
is_hardened() {
  local id=$1 settings
  settings=$(docker inspect --format \
    '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' "$id")
  echo "$settings"
  [[ $settings =~ ^'true [ALL] [no-new-privileges:true] '[1-9][0-9]+' '[1-9][0-9]+$ ]] || return
  docker inspect --format '{{json .HostConfig.LogConfig.Config}}' "$id" | grep max-size || return
  # Of setup only the settings are left.
  [[ $(docker inspect --format '{{.State.Running}}' "$id") == false ]] && return
  docker top "$id" -eo uid,pid,args || return
  ! docker top "$id" -eo uid,pid | grep --extended-regexp --quiet '^ *0 '
}
for service in "${services[@]}"; do
  check "$service: $hardened" \
    is_hardened "$(dc ps --all --quiet "$service")"
done

no_password_in_arguments() {
  local id
  for id in $(dc ps --quiet); do docker top "$id" -eo pid,args; done >"$work/arguments"
  [[ $(wc -l <"$work/arguments") -gt 10 ]] && has_no_password "$work/arguments"
}
check "no password in a process's arguments" no_password_in_arguments

no_password_in_settings() {
  docker inspect $(dc --profile '*' ps --all --quiet) >"$work/settings" && grep --quiet POSTGRES_PASSWORD_FILE "$work/settings" &&
    has_no_password "$work/settings"
}
check "no password in what docker inspect shows" no_password_in_settings

ports_are_local() {
  local published
  published=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Ports}}')
  echo "$published"
  [[ $(grep -c '127\.0\.0\.1:' <<<"$published") -ge 4 ]] && ! grep -E '(0\.0\.0\.0|::\]?):[0-9]+->' <<<"$published"
}
check "ports are open on 127.0.0.1 only" ports_are_local

port_in_use() {
  local variable=$1 service=$2 port=$3 taken
  local second=$COMPOSE_PROJECT_NAME-2 status
  taken=$(dc port "$service" "$port")
  refuses "$variable" env "COMPOSE_PROJECT_NAME=$second" "$variable=${taken##*:}" \
    scripts/compose-up.sh --no-deps "$service"
  status=$?
  dc --project-name "$second" down --volumes
  return $status
}
check "a port in use is named: db" port_in_use POSTGRES_PORT db 5432
check "a port in use is named: prometheus" port_in_use PROMETHEUS_PORT prometheus 9090

run_exporter() { dc run --rm --no-deps --no-TTY "$@"; }
check "an exporter without a primary names the variable" \
  refuses PG_CANARY_PRIMARY_DSN run_exporter -e PG_CANARY_PRIMARY_DSN= exporter
check "a setup with a wrong password says so" \
  refuses 'password authentication failed' run_exporter -e PG_CANARY_PASSWORD_FILE=/run/secrets/canary_password setup
empty_password() {
  mkdir "$work/empty" && cp "$SECRETS"/* "$work/empty" && : >"$work/empty/canary_password" || return
  refuses '/run/secrets/canary_password is empty' env SECRETS="$work/empty" docker compose run --rm --no-deps --no-TTY setup
}
check "an empty password is refused by name" empty_password

exporter_cpu_is_low() {
  query 'rate(process_cpu_seconds_total{job=~"pg_canary.*"}[45s]) < 0.01
    and count_over_time(process_cpu_seconds_total[45s]) >= 8'
}
check "the idle exporter takes less than 1% of a core" until_true 180 exporter_cpu_is_low
echo "     $(promtool_query 'rate(process_cpu_seconds_total{job=~"pg_canary.*"}[45s])')"

restarts() { dc restart && comes_back; }
check "restart" restarts

is_killed() { dc kill && dc up --detach "${services[@]}" && comes_back; }
check "everything is killed" is_killed

down_and_up() {
  write_row && keep_logs && dc --profile '*' down || return
  [[ -z $(dc ps --all --quiet) ]] && dc up --detach "${services[@]}" && comes_back
}
check "down and up again, with the data" down_and_up

password_changes() {
  password[new_canary_password]="Koala15-${password[canary_password]#*-}"
  echo "${password[new_canary_password]}" >"$SECRETS/canary_password"
  dc up --detach "${services[@]}" && dc restart exporter && comes_back
}
check "a new canary_password is taken by the next up" password_changes

# From here on the three nodes run beside the rest; what takes long with them is waited for last.
ha_starts() {
  dc --profile ha --profile alerts up --detach ha_1 ha_2 ha_3 ha_exporter alertmanager && until_true 90 ha_is_synced ha_2 ha_3 || return
  on_ha ha_1 'CREATE TABLE kept AS SELECT 1 AS n'
}
on_ha() { dc --profile ha exec -T "$1" psql -XqAtU postgres --command "$2"; }
ha_is_synced() { [[ $(query 'pg_canary_synced{cluster="ha"} == 1' | grep -cE "replica=\"($1|$2)\"") == 2 ]]; }
check "the profile ha: three nodes, synced" ha_starts

fails_over() {
  target failover && until_true 60 query 'pg_canary_primary_changes_total{cluster="ha"} == 1' || return
  new_primary=$(query 'pg_canary_node_is_primary{cluster="ha"} == 1' | sed -E 's/.*node="([^"]*)".*/\1/')
  [[ $new_primary == ha_[23] ]] && on_ha "$new_primary" 'INSERT INTO kept VALUES (2)' || return
  # It ends with the first commit on the new primary, which may come a scrape after it was found.
  until_true 60 query 'pg_canary_write_outage_seconds_total{cluster="ha"} > 0' || return
  # The third follows the new primary by itself.
  until_true 60 query "pg_canary_synced{cluster=\"ha\",replica!=\"$new_primary\"} == 1" &&
    until_true 60 query 'pg_canary_replica_state{cluster="ha",replica="ha_1",state="unreachable"} == 1'
}
check "make failover: another node takes writes, the exporter and the third follow" fails_over
echo "     nobody could write for: $(promtool_query 'pg_canary_write_outage_seconds_total{cluster="ha"}')"

replica_is_down() {
  dc stop db_replica && dc restart exporter && until_true 60 in_state unreachable || return
  dc start db_replica && comes_back
}
check "the exporter starts and says so while the replica is down" replica_is_down

delete_replica() {
  keep_logs && dc rm --stop --force db_replica && docker volume rm "${COMPOSE_PROJECT_NAME}_db-replica-data"
}
replica_volume_is_deleted() {
  delete_replica || return
  [[ $(on_primary 'SELECT count(*) FROM pg_replication_slots') == 1 ]] || return
  dc up --detach db_replica && comes_back && dc logs db_replica | grep 'replica: cloned'
}
check "the replica's volume is deleted, its slot is still there" replica_volume_is_deleted

replica_starts_alone() {
  dc stop db && dc restart db_replica && until_true 60 replica_answers || return
  dc start db && comes_back
}
check "the primary is away while the replica starts" replica_starts_alone

empty_replica_starts_alone() {
  dc stop db && delete_replica && dc up --detach --no-deps db_replica || return
  until_true 60 replica_waits && dc start db && comes_back
}
replica_waits() { dc logs db_replica | grep 'waiting for the primary'; }
check "the primary is away while the replica starts for the first time" empty_replica_starts_alone

# The primary is frozen in the middle of the copy, the replica killed there.
interrupt_clone() {
  delete_replica && dc up --detach --no-deps db_replica && until_true 60 clone_grows || return
  docker pause "$(dc ps --quiet db)" && dc kill db_replica
  docker unpause "$(dc ps --quiet db)"
  in_replica_volume 'ls && du -sh pgdata.clone && ! [ -e pgdata ]'
}
clone_grows() { dc exec -T db_replica test -e "/var/lib/postgresql/data/pgdata.clone/$ballast"; }
in_replica_volume() {
  docker run --rm --volume "${COMPOSE_PROJECT_NAME}_db-replica-data:/v:ro" --workdir /v --entrypoint sh postgres:16 -c "$1"
}
clone_is_interrupted() {
  on_primary 'CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 400000) n' &&
    ballast=$(on_primary "SELECT pg_relation_filepath('ballast')") || return
  # A copy that was faster than the test says nothing: again.
  for _ in 1 2 3 4 5; do interrupt_clone && interrupted=yes && break; done
  [[ -n ${interrupted:-} ]] && dc up --detach db_replica && comes_back || return
  [[ $(on_replica 'SELECT count(*) FROM ballast') == 400000 ]] && on_primary 'DROP TABLE ballast'
}
check "the first clone is interrupted" clone_is_interrupted

pause_and_resume() {
  target pause && until_true 60 in_state paused && until_true 60 query 'pg_canary_lag_seconds{cluster="demo"} > 5' || return
  target resume && comes_back
}
check "make pause, make resume" pause_and_resume

partition_and_heal() {
  target partition && until_true 60 in_state disconnected || return
  query 'pg_canary_node_up{node="db_replica:5432"} == 1' && target heal && comes_back
}
check "make partition, make heal" partition_and_heal

load() {
  dc --profile load up --detach load && until_true 60 query 'pg_canary_lag_seconds{cluster="demo"} > 1 and pg_canary_synced == 0' || return
  [[ $(docker wait "$(dc ps --all --quiet load)") == 0 ]] && comes_back
}
check "the load profile makes lag within 60 s, and it goes away" load
echo "     the most: $(promtool_query 'max_over_time(pg_canary_lag_seconds{cluster="demo"}[2m])')"
check "load: $hardened" is_hardened "$(dc ps --all --quiet load)"

# The old primary is still away: after two minutes that is an alert, which has to get to its receiver.
is_alerted() {
  dc --profile alerts exec -T alertmanager amtool --alertmanager.url=http://127.0.0.1:9093 --output=json alert query \
    alertname=PgCanaryReplicaUnreachable cluster=ha replica=ha_1 instance=ha_exporter:10187 | tee "$work/alert"
  grep --quiet '"receivers":\[{"name":"page"}\]' "$work/alert"
}
check "the profile alerts: an alert gets to Alertmanager, and there to its receiver" until_true 180 is_alerted

rejoins() {
  target rejoin && until_true 60 query 'pg_canary_synced{cluster="ha",replica="ha_1"} == 1' || return
  [[ $(on_ha ha_1 'SELECT count(*), pg_is_in_recovery() FROM kept') == '2|t' ]] && dc --profile ha logs ha_1 | grep 'ha_1: cloned'
}
check "make rejoin: the old primary comes back as a replica" rejoins

# With the one that was made first as the primary again, and everything started anew at the same time.
fails_back() {
  target failover && target rejoin && dc --profile ha restart ha_1 ha_2 ha_3 || return
  until_true 90 query 'pg_canary_primaries{cluster="ha"} == 1' && until_true 90 two_replicas_are_synced &&
    [[ $(for node in ha_1 ha_2 ha_3; do on_ha $node 'SELECT count(*) FROM kept'; done | sort -u) == 2 ]]
}
two_replicas_are_synced() { [[ $(query 'pg_canary_synced{cluster="ha"} == 1' | wc -l) == 2 ]]; }
check "make failover and rejoin once more, and a restart of all nodes" fails_back

for service in ha_1 ha_2 ha_exporter ha_setup alertmanager; do
  check "$service: $hardened" is_hardened "$(dc --profile '*' ps --all --quiet "$service")"
done
check "no password in what docker inspect shows of them" no_password_in_settings

no_password_in_logs() { keep_logs && [[ -s $work/logs ]] && has_no_password "$work/logs"; }
check "no password in the logs of all of this" no_password_in_logs

nothing_is_left() {
  dc --profile '*' down --volumes || return
  local filter=label=com.docker.compose.project=$COMPOSE_PROJECT_NAME
  [[ -z $(docker ps --all --quiet --filter "$filter"; docker volume ls --quiet --filter "$filter"; docker network ls --quiet --filter "$filter") ]]
}
check "down --volumes leaves nothing" nothing_is_left

show_failures
echo "$passed passed, $failed failed"
((failed == 0))
