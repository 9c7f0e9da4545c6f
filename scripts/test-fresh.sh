#!/usr/bin/env bash
# test-fresh.sh [--here]: the two commands that the README begins with, `make run` until
# the metrics answer and `make test`, on a machine that has Go, make and git and nothing
# else. With --here that is this machine, which then has more; without, it is a minimal
# Debian in a directory that is removed afterwards, with this machine's Go, network and
# ports, and a clone of what is committed here. That takes root and debootstrap.
#
# FRESH_MIRROR names another mirror of Debian.
set -euo pipefail
cd "$(dirname "$0")/.."

address=127.0.0.1/10187

# metrics prints what the exporter of `make run` serves. There may be no curl.
metrics() {
  (
    exec 3<>"/dev/tcp/$address"
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
    cat <&3
  ) 2>/dev/null
}

synced() { metrics | grep -c '^pg_canary_synced{.*} 1' >/dev/null; }

# make_run starts `make run`, waits until the replica is synced, and ends it as Ctrl-C does.
make_run() {
  local deadline=$((SECONDS + 1800)) start
  while metrics >/dev/null; do
    ((SECONDS < deadline)) || { echo "another program has the port of ${address#*/}" >&2; return 1; }
    sleep 5
  done
  start=$SECONDS
  set -m # gives it a process group of its own, which takes the signal
  make run &
  set +m
  until synced; do
    if ! kill -0 $! || ((SECONDS >= deadline)); then
      echo "make run does not answer with a synced replica" >&2
      kill -INT -- -$! || true
      return 1
    fi
    sleep 0.2
  done
  echo "=== make run: a synced replica after $((SECONDS - start)) s"
  kill -INT -- -$!
  wait $! || true # make says that it was interrupted
  if metrics >/dev/null; then
    echo "make run left its exporter behind" >&2
    return 1
  fi
}

make_test() {
  local start=$SECONDS
  make test
  echo "=== make test: passed after $((SECONDS - start)) s"
}

# debian makes the fresh machine in the directory $1.
debian() {
  local root=$1 mirror=${FRESH_MIRROR:-}
  if [ -z "$mirror" ]; then
    # shellcheck disable=SC2016 # apt expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 '/debian/$') || mirror= # debootstrap's own
  fi
  debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; return 1; }
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  # A network with a certificate authority of its own is this machine's as well.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp -r "$(go env GOROOT)" "$root/usr/local/go"
  # What a work tree points to may lie elsewhere: a clone of a clone stands alone.
  git clone --quiet . "$root/root/repository"
}

# in_chroot DIRECTORY COMMAND...: runs it in the repository there, in namespaces that take
# the mounts and every process along when they end.
in_chroot() {
  local root=$1
  shift
  # shellcheck disable=SC2016 # the shells in there expand it
  env -i PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" GOTOOLCHAIN=local root="$root" \
    unshare --mount --pid --fork --kill-child bash -euc '
      mount -t proc proc "$root/proc"
      mount --rbind /dev "$root/dev"
      mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
      chroot "$root" bash -euc "cd /root/repository; \"\$@\"" fresh "$@"' fresh "$@"
}

case ${1:-} in
  --here)
    make_run
    make_test
    ;;
  "")
    if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null || ! command -v unshare >/dev/null; then
      echo "$0 needs root, debootstrap and unshare; run: sudo --preserve-env=PATH make test-fresh" >&2
      exit 1
    fi
    work=$(mktemp -d)
    chmod 755 "$work"
    trap 'rm -rf --one-file-system "$work"' EXIT
    echo "=== a minimal Debian in $work"
    debian "$work/root"
    in_chroot "$work/root" scripts/test-fresh.sh --here
    ;;
  *)
    echo "usage: $0 [--here]" >&2
    exit 2
    ;;
esac
