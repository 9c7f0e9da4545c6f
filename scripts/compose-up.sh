#!/usr/bin/env bash
# docker compose up, waiting until all is healthy. When a port is in use, Docker
# says which number; this says which variable changes it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
compose=${COMPOSE:-docker compose}

# The containers run as users of their own. The directory may be closed to all but its owner.
secrets=${SECRETS:-$(sed -nE 's/^SECRETS=//p' .env 2>/dev/null | tail -n 1)}
secrets=${secrets:-secrets/demo}
if closed=$(find "$secrets" -type f ! -perm -o=r) && [[ -n $closed ]]; then
  echo "The containers cannot read" $closed >&2
  echo "Make the files readable and their directory closed: chmod 644 $secrets/*; chmod 700 $secrets" >&2
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
$compose up --detach --build --wait "$@" 2>&1 | tee "$log" && exit

container=$(grep -E 'port is already allocated|address already in use' "$log" |
  sed -nE 's/.*on endpoint ([^ ]+) \(.*/\1/p' | tail -n 1)
if [[ -n $container ]]; then
  service=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$container")
  variable=$(sed -nE "/^  $service:/,/^  [a-z]/s/.*\{([A-Z_]+_PORT):-.*/\1/p" docker-compose.yml)
  echo "The port of $service is in use: set $variable to another one in .env." >&2
elif grep -qi 'invalid hostPort' "$log"; then
  echo "One of $(grep -oE '[A-Z_]+_PORT' docker-compose.yml | xargs) is not a port." >&2
fi
exit 1
