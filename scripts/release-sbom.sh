#!/usr/bin/env bash
# release-sbom.sh VERSION OS ARCHITECTURE FILE: writes the bill of materials of the program that goreleaser has built for
# a platform to FILE. Run in goreleaser's directory, by goreleaser, for each archive and package that holds the program.
set -euo pipefail
cyclonedx=${CYCLONEDX:?names the program cyclonedx-gomod}
programs=(exporter_"${2:?}"_"${3:?}"*/pg_canary_exporter*)
if [ "${#programs[@]}" -ne 1 ] || [ ! -f "${programs[0]}" ]; then
  echo "$0: there is not one program for $2 on $3 in $PWD: ${programs[*]}" >&2
  exit 1
fi
# Neither a serial number nor a time, so that the same program has the same bill. The version of the module itself cannot
# be asked for: it is the one that is being made.
"$cyclonedx" bin -json -noserial -notimestamp -std -version "v${1:?}" -output "${4:?}" "${programs[0]}"
