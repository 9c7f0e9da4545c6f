#!/usr/bin/env bash
# test-routes.sh AMTOOL CONFIGURATION ROUTES: asks amtool whether alerts go to the
# receivers that the file ROUTES says, a line for each alert: RECEIVER LABEL=VALUE...
set -euo pipefail
amtool=$1 configuration=$2 routes=$3

tested=0
while read -r receiver labels; do
  [[ -z $receiver || $receiver == '#'* ]] && continue
  # shellcheck disable=SC2086 # One word for each label.
  said=$("$amtool" config routes test --config.file="$configuration" --verify.receivers="$receiver" $labels 2>&1) || {
    printf '%s: not %s: %s\n' "$labels" "$receiver" "$said" >&2
    exit 1
  }
  tested=$((tested + 1))
done <"$routes"
echo "$tested routes lead where $routes says"
((tested > 0))
