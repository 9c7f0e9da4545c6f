#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the repository for TIME, such as 5m, one after the other, and ends with the
# first that finds something. What makes a target worth keeping goes to Go's cache; an input that one fails with is
# kept beside the target, and every later `go test` tries it.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?usage: $0 TIME}
go=${GO:-go}
workers=${FUZZ_WORKERS:-2}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Of all packages, those whose tests declare one, and those alone: to list what a package has runs its TestMain, and some
# of those build programs.
packages() {
  local dir files
  "$go" list -f '{{.Dir}}{{range .TestGoFiles}} {{.}}{{end}}{{range .XTestGoFiles}} {{.}}{{end}}' ./... |
    while read -r dir files; do
      # shellcheck disable=SC2086 # They are many.
      if [ -n "$files" ] && (cd "$dir" && grep -qE '^func Fuzz[^a-z]' $files); then echo "$dir"; fi
    done
}

# fuzz DIRECTORY TARGET: status 1 says that it found something, or could not run.
fuzz() {
  (cd "$1" && "$go" test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -parallel "$workers" .) >"$log" 2>&1
}

# Go's own: at the very end it sometimes takes the end of TIME for a failure (golang/go issue 75804).
only_the_end() {
  grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic|_test\.go:' "$log"
}

found=$(packages)
[ -n "$found" ] || { echo "$0: there is no fuzz target" >&2; exit 1; }
for dir in $found; do
  targets=$(cd "$dir" && "$go" test -list '^Fuzz' . | grep '^Fuzz')
  for target in $targets; do
    name="${dir#"$PWD"/} $target"
    if ! fuzz "$dir" "$target" && ! only_the_end; then
      cat "$log"
      kept=$(sed -n 's/^ *Failing input written to //p' "$log" | tail -n 1)
      echo "$name failed${kept:+; the input is kept in ${dir#"$PWD"/}/$kept}" >&2
      exit 1
    fi
    # On a slow machine what earlier runs kept, which is tried first, may take all of a short TIME.
    runs=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p; s|.*baseline coverage: ([0-9]+)/.*|\1|p' "$log" | tail -n 1)
    if [ -z "$runs" ]; then
      cat "$log"
      echo "$name did not run" >&2
      exit 1
    fi
    echo "$name: $runs runs in $time, no finding"
  done
done
