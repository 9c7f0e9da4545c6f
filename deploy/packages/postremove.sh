#!/bin/sh
# Of the .deb, with "remove", "purge" and others, and of the .rpm, with the number of versions that stay.
# What the administrator has written stays, the password too; purge removes it.
set -e

case $1 in
  remove | 0)
    if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
    ;;
  purge)
    rm -f /etc/pg_canary_exporter/password
    if [ -d /etc/pg_canary_exporter ]; then rmdir --ignore-fail-on-non-empty /etc/pg_canary_exporter; fi
    ;;
esac
