#!/usr/bin/env bash
# A failover of the profile ha: kills the primary, sees to it that it never is one again,
# and promotes the replica that has received most. Safe to run again where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra compose <<<"${COMPOSE:-docker compose} --profile ha"
nodes=(ha_1 ha_2 ha_3)
start=$SECONDS

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

# on NODE SQL
on() { "${compose[@]}" exec -T "$1" psql -XwAtqU postgres --command "$2"; }

# quietly COMMAND...: shows what it prints if it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || { echo "$said" >&2 && return 1; }
}

streams() { [[ $(on "$1" "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'") != 0 ]]; }

replicas=() others=()
for node in "${nodes[@]}"; do
  case $(on "$node" 'SELECT pg_is_in_recovery()' 2>/dev/null || true) in
    t) replicas+=("$node") ;;
    f) say "$node is the primary" && others+=("$node") ;;
    *) say "$node does not answer" && others+=("$node") ;;
  esac
done
if [[ ${#replicas[@]} == 0 ]]; then
  echo "No replica is there to be promoted: COMPOSE_PROFILES=ha make up, or make rejoin." >&2
  exit 1
fi

# Before another one is promoted: else there could be two. (Without a name, Compose would kill everything.)
for node in "${others[@]}"; do
  say "killing $node"
  quietly "${compose[@]}" kill "$node"
  [[ -z $("${compose[@]}" ps --quiet --status running "$node") ]] || { echo "$node still runs" >&2; exit 1; }
  quietly "${compose[@]}" run --rm --no-deps --no-TTY --entrypoint touch "$node" /var/lib/postgresql/data/pgdata.fenced
done

# What the primary sent before its end may still be on its way.
best='' most=-1
for node in "${replicas[@]}"; do
  while streams "$node"; do ((SECONDS - start < 60)) || { echo "$node is still streaming" >&2; exit 1; }; done
  IFS='|' read -r lsn has < <(on "$node" "SELECT lsn, lsn - '0/0' FROM greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) lsn")
  say "$node has WAL up to $lsn"
  if ((has > most)); then best=$node most=$has; fi
done

say "promoting $best"
[[ $(on "$best" 'SELECT pg_promote()') == t ]] || { echo "$best did not become the primary" >&2; exit 1; }
say "$best is the primary; make rejoin brings ${others[*]:-the others} back"
"${compose[@]}" exec -T ha_exporter /pg_canary_exporter check || true
