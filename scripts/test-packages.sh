#!/usr/bin/env bash
# test-packages.sh: installs the packages in bin/packages in a copy of this Debian, with its own systemd, processes and
# network, follows docs/guides/debian.md there on two real servers, reloads, upgrades, removes and purges. The copy is
# this machine's file system with a layer above it, which is gone when the script ends. Takes root; status 77 says, in the
# file $why too, what this machine cannot do.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/test-packages-lib.sh
source scripts/test-packages-lib.sh

cannot() {
  echo "$0: $1" | tee "${why:-/dev/null}" >&2
  exit 77
}
[ "$(id -u)" -eq 0 ] || cannot "only root can make a throw-away root; run: sudo env \"PATH=\$PATH\" make test-packages"
command -v dpkg >/dev/null || cannot "there is no dpkg: this is not Debian or Ubuntu"
[ -x /lib/systemd/systemd ] || cannot "there is no systemd"
debs=(bin/packages/*.deb) rpms=(bin/packages/*.rpm)
ls "${debs[@]}" "${rpms[@]}" || { echo "$0: the packages are missing; run: make packages" >&2; exit 1; }

postgres=${PG_CANARY_PG_BIN:-$(bin/pg_canary_lab install postgres | sed -n "s/^PostgreSQL's server: .* in //p")}
work=$(mktemp -d)
mkdir "$work/layer"
trap 'throw_away "$work"' EXIT

boot "$work" || cannot "namespaces, an overlay or systemd cannot be had here: $(tail -n 3 "$work/boot.log" | tr '\n' ' ')"
init=$(<"$work/init")
tar --create --transform 's|.*/||' "${debs[@]}" "${rpms[@]}" docs/guides/debian.md scripts/test-packages-inside.sh scripts/test-packages-zsh.zsh |
  inside "$init" tar --extract --no-same-owner --directory /root
echo "=== booted after $SECONDS s"
inside "$init" env POSTGRES="$postgres" bash /root/test-packages-inside.sh
