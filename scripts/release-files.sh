#!/usr/bin/env bash
# release-files.sh VERSION DATE: what a release holds beside the program and this repository's own files, made in
# bin/release: man page, completions, and the licences of the modules in the program.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: $0 VERSION DATE} date=${2:?usage: $0 VERSION DATE}
out=bin/release
go=${GO:-go}

rm -rf "$out"
mkdir -p "$out/completions"
program=$(mktemp -d)/pg_canary_exporter
trap 'rm -rf "$(dirname "$program")"' EXIT
v=github.com/prometheus/common/version
# For the machine that makes the release, whichever it is made for.
env -u GOOS -u GOARCH CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -ldflags "-X $v.Version=$version -X $v.BuildDate=$date" \
  -o "$program" ./cmd/pg_canary_exporter

"$program" --help-man >"$out/pg_canary_exporter.1"
gzip -9 --no-name --keep "$out/pg_canary_exporter.1"
gzip -9 --no-name --stdout CHANGELOG.md >"$out/changelog.gz"
"$program" --completion-script-bash >"$out/completions/pg_canary_exporter.bash"
"$program" --completion-script-zsh >"$out/completions/_pg_canary_exporter"
"$program" --completion-script-fish >"$out/completions/pg_canary_exporter.fish"
"$go" run -buildvcs=false ./cmd/pg_canary_lab licences --write "$out/THIRD_PARTY_LICENSES"
