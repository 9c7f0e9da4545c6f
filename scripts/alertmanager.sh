#!/usr/bin/env bash
# alertmanager.sh [--find] [alertmanager|amtool]: prints the path of that program. Both are
# compiled into .tools/ where they are not there yet, unless --find is given: their packages
# would start a service, and have other versions.
set -euo pipefail
version=v0.31.1 # the last whose module has its web pages, without which it does not compile

fetch=fetch
if [ "${1:-}" = --find ]; then
  fetch=false
  shift
fi
program=${1:-alertmanager}
case $program in
  alertmanager | amtool) ;;
  *)
    echo "usage: $0 [--find] [alertmanager|amtool]" >&2
    exit 2
    ;;
esac
tools=$(cd "$(dirname "$0")/.." && pwd)/.tools
folder=$tools/alertmanager-$version

# It has its name when it is whole.
fetch() {
  local work module=github.com/prometheus/alertmanager/cmd
  mkdir -p "$tools"
  work=$(mktemp -d "$tools/fetch.XXXXXX")
  echo "compiling Alertmanager $version into $tools, which takes a minute" >&2
  chmod 755 "$work"
  GOBIN=$work "${GO:-go}" install "$module/alertmanager@$version" "$module/amtool@$version" >&2 || true
  # Another run may have been faster.
  if [ -x "$work/$program" ] && [ ! -e "$folder" ]; then mv "$work" "$folder"; fi
  rm -rf "$work"
}

if [ ! -x "$folder/$program" ]; then
  $fetch || true
fi
if [ ! -x "$folder/$program" ]; then
  echo "$0: there is no $folder/$program" >&2
  exit 1
fi
echo "$folder/$program"
