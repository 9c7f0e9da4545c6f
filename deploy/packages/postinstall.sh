#!/bin/sh
# Of the .deb, with "configure" and the version that was there before, and of the .rpm, with the number of versions.
set -e

password=/etc/pg_canary_exporter/password

case $1 in
  configure | 1 | 2) ;;
  *) exit 0 ;;
esac

# A password that nobody knows, so that none is ever a default. It stays when it is there.
if [ ! -e "$password" ]; then
  (umask 077 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$password.new")
  mv "$password.new" "$password"
fi

# The service is not started: it has to be told first where the servers are.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if { [ "$1" = configure ] && [ -n "$2" ]; } || [ "$1" = 2 ]; then
    systemctl try-restart pg_canary_exporter.service || true
  fi
fi
