#!/bin/sh
# Of the .deb, with "remove" or "upgrade", and of the .rpm, with the number of versions that stay.
set -e

case $1 in
  remove | 0) ;;
  *) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
  systemctl --quiet disable --now pg_canary_exporter.service || true
else
  rm -f /etc/systemd/system/multi-user.target.wants/pg_canary_exporter.service
fi
