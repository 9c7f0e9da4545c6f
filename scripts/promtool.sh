#!/usr/bin/env bash
# promtool.sh [--find] [promtool|prometheus]: prints the path of that program, from
# Prometheus 2.45 or newer. It is taken from PATH; otherwise, and without --find, the
# package of Debian or Ubuntu is unpacked into .tools/, which installs nothing, starts
# no service and needs no root.
set -euo pipefail

fetch=fetch
if [ "${1:-}" = --find ]; then
  fetch=false
  shift
fi
program=${1:-promtool}
case $program in
  promtool | prometheus) ;;
  *)
    echo "usage: $0 [--find] [promtool|prometheus]" >&2
    exit 2
    ;;
esac
tools=$(cd "$(dirname "$0")/.." && pwd)/.tools
unpacked=$tools/prometheus/usr/bin/$program

# 2.45 is a release with long-term support, and the one in Ubuntu 24.04.
new_enough() {
  local major=${1%%.*} minor=${1#*.}
  minor=${minor%%.*}
  [ -n "$1" ] && { [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 45 ]; }; }
}

usable() {
  new_enough "$("$1" --version 2>&1 | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')"
}

# unpack SUITE: the package as SUITE has it; with no SUITE, as this system's own
# sources have it. apt's state is kept apart, so that the system's stays as it is.
unpack() (
  work=$(mktemp -d "$tools/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
  cd "$work"
  options=(-qq -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)")
  if [ -n "$1" ]; then
    # shellcheck disable=SC2016 # apt expands it
    mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' | grep -m1 "/$ID/\$") || return 1
    echo "deb [signed-by=/usr/share/keyrings/$ID-archive-keyring.gpg] $mirror $1 $components" >sources.list
    options+=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null)
  fi
  # One source that cannot be reached is no reason to give up.
  apt-get "${options[@]}" update || true
  candidate=$(apt-cache "${options[@]}" show --no-all-versions prometheus | sed -n 's/^Version: //p')
  new_enough "$candidate" || return 1
  packages=(prometheus)
  # Newer releases have promtool in a package of its own.
  if [ -n "$(apt-cache "${options[@]}" search --names-only '^promtool$')" ]; then packages+=(promtool); fi
  apt-get "${options[@]}" download "${packages[@]}" || return 1
  for package in ./*.deb; do dpkg-deb -x "$package" root || return 1; done
  # A newer release's program may ask for a newer C library.
  usable "root/usr/bin/$program" || return 1
  rm -rf "$tools/prometheus"
  mv root "$tools/prometheus"
)

fetch() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  # shellcheck source=/dev/null
  . /etc/os-release
  case $ID in
    debian) components=main suites="stable testing" ;;
    ubuntu) components="main universe" suites="noble devel" ;;
    *) suites="" ;;
  esac
  mkdir -p "$tools"
  exec 9>"$tools/promtool.lock"
  flock 9
  if usable "$unpacked"; then return; fi
  echo "fetching Prometheus into $tools" >&2
  for suite in "" $suites; do
    if unpack "$suite" >&2; then return; fi
  done
  return 1
}

path=$(command -v "$program" || true)
if [ -n "$path" ] && usable "$path"; then
  echo "$path"
elif usable "$unpacked" || $fetch; then
  echo "$unpacked"
else
  cat >&2 <<MESSAGE
$0: no $program 2.45 or newer on PATH, and none in the packages of this system.
Install Prometheus, for example with 'brew install prometheus', or put the programs
of https://prometheus.io/download on PATH.
MESSAGE
  exit 1
fi
