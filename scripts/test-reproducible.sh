#!/usr/bin/env bash
# test-reproducible.sh GORELEASER CYCLONEDX NFPM: makes the release twice, of clones in different directories, with nothing
# compiled before, in another time zone, with another mask and another language, and compares every byte. Then makes the
# packages in the quick way of `make packages`, and compares those too. Takes minutes, and only what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
goreleaser=${1:?} cyclonedx=${2:?} nfpm=${3:?}
commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# release DIRECTORY VARIABLE=VALUE...
release() {
  local clone=$work/$1 start=$SECONDS
  shift
  mkdir -p "$(dirname "$clone")"
  git clone --quiet --no-checkout . "$clone"
  git -C "$clone" checkout --quiet --detach "$commit"
  env "$@" make --no-print-directory -C "$clone" release GORELEASER="$goreleaser" CYCLONEDX="$cyclonedx" >"$work/log" 2>&1 ||
    { tail -n 30 "$work/log" >&2; return 1; }
  echo "=== made in $clone in $((SECONDS - start)) s"
}

other=another/and/a/longer/path
release one GOCACHE="$work/cache-one" TZ=UTC LC_ALL=C
(umask 077 && release "$other" GOCACHE="$work/cache-two" TZ=Asia/Kathmandu LC_ALL=C.UTF-8)
(cd "$work/one/dist" && sha256sum --check --quiet SHA256SUMS)
diff "$work/one/dist/SHA256SUMS" "$work/$other/dist/SHA256SUMS"
echo "=== the same in both: $(wc -l <"$work/one/dist/SHA256SUMS") files"

# Each bill names the bytes of the program that its archive holds.
for archive in "$work"/one/dist/*.tar.gz; do
  sum=$(tar --extract --gzip --to-stdout --file "$archive" --wildcards '*/pg_canary_exporter' | sha256sum | cut -d ' ' -f 1)
  grep --quiet "\"$sum\"" "$archive.cdx.json" || { echo "$archive.cdx.json is of another program than $sum" >&2; exit 1; }
done
echo "=== each bill of materials is of the program in its archive"

version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' "$work/one/dist/metadata.json")
make --no-print-directory -C "$work/one" packages PACKAGE_VERSION="$version" NFPM="$nfpm" >"$work/log" 2>&1 ||
  { tail -n 30 "$work/log" >&2; exit 1; }
for package in "$work"/one/bin/packages/*.deb "$work"/one/bin/packages/*.rpm; do
  cmp "$package" "$work/one/dist/$(basename "$package" | tr "~" -)"
  echo "=== the same without goreleaser: $(basename "$package")"
done
