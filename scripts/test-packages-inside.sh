#!/usr/bin/env bash
# What test-packages.sh does in its throw-away machine, in whose /root it lies beside the packages and the guide.
# POSTGRES is the directory of PostgreSQL's programs.
set -uo pipefail
cd /root || exit
PATH=$POSTGRES:$PATH
export PGPASSWORD=Okapi82-administrator
passed=0 failed=0

# check NAME COMMAND...: runs it; what it printed is shown when it fails.
check() {
  local name=$1 start=$SECONDS
  shift
  if "$@" >/root/output 2>&1; then
    echo "PASS $name ($((SECONDS - start)) s)"
    passed=$((passed + 1))
  else
    echo "FAIL $name ($((SECONDS - start)) s)"
    tail -n 30 /root/output | sed 's/^/     /'
    journalctl -u pg_canary_exporter -n 15 --no-pager -o cat 2>/dev/null | sed 's/^/     /'
    failed=$((failed + 1))
  fi
}

# until_true COMMAND...: tries it, for three minutes at the most, which only a machine that hangs takes.
until_true() {
  local deadline=$((SECONDS + 180))
  until "$@"; do
    if ((SECONDS >= deadline)); then
      echo "in vain: $*"
      return 1
    fi
    sleep 0.1
  done
}

# The machine of the guide: two servers under their names, an administrator who becomes root, and manual pages, which
# small Debians do not unpack.
servers() {
  local home=/var/lib/throw-away
  printf '127.0.0.1 localhost\n127.0.0.2 db1.example\n127.0.0.3 db2.example\n' >/etc/hosts
  command -v sudo >/dev/null || { printf '#!/bin/sh\nexec "$@"\n' >/usr/local/bin/sudo && chmod +x /usr/local/bin/sudo; }
  rm -f /etc/dpkg/dpkg.cfg.d/*
  id postgres >/dev/null 2>&1 || useradd --system postgres
  install -d -o postgres -m 700 "$home"
  echo "$PGPASSWORD" >/root/admin && chmod 644 /root/admin && cp /root/admin "$home/admin" && chown postgres "$home/admin"
  as_postgres initdb --no-sync -A scram-sha-256 --pwfile "$home/admin" -D "$home/db1" || return
  echo "host replication,all all 127.0.0.0/8 scram-sha-256" >>"$home/db1/pg_hba.conf"
  printf "unix_socket_directories = ''\nfsync = off\nlisten_addresses = '127.0.0.2'\n" >>"$home/db1/postgresql.conf"
  as_postgres pg_ctl -w -l "$home/db1.log" -D "$home/db1" start || return
  as_postgres pg_basebackup -R -c fast -d "host=db1.example user=postgres password=$PGPASSWORD" -D "$home/db2" || return
  echo "listen_addresses = '127.0.0.3'" >>"$home/db2/postgresql.conf"
  as_postgres pg_ctl -w -l "$home/db2.log" -D "$home/db2" start
}
as_postgres() { (cd / && setpriv --reuid postgres --regid postgres --clear-groups -- env "HOME=/" "$POSTGRES/$1" "${@:2}"); }

# The commands of the guide: every block of `sh` that is not marked otherwise.
commands() {
  awk -v out=/root/command. '/^```sh$/ { n++; inside = 1; next } /^```/ { inside = 0 } inside { print > (out n) }' debian.md
}
has_five() { commands && ls /root/command.5 && ! ls /root/command.6; }
guide() {
  local n
  for n in 1 2 3 4; do
    echo "--- $(head -n 1 /root/command.$n)"
    bash -euo pipefail /root/command.$n || return
  done
  # What the last one shows, it shows as soon as the servers are connected.
  until_true scraped
}
scraped() { bash /root/command.5 | tee /root/scraped | grep --quiet '^pg_canary_synced{replica="db2"} 1$'; }

is_static() { pg_canary_exporter --version && ! ldd /usr/bin/pg_canary_exporter; }
man_page() {
  man --where pg_canary_exporter || return
  MANWIDTH=100 man --warnings pg_canary_exporter >/root/page 2>/root/warnings
  cat /root/warnings
  [ ! -s /root/warnings ] && grep -q -- '--probe.synced-within=' /root/page &&
    whatis pg_canary_exporter | grep 'exporter for PostgreSQL'
}
bash_completes() {
  bash -euc 'source /usr/share/bash-completion/completions/pg_canary_exporter
    COMP_WORDS=(pg_canary_exporter --log.lev) COMP_CWORD=1; _pg_canary_exporter_bash_autocomplete; echo "${COMPREPLY[@]}"' | grep -x -- --log.level
}
fish_completes() {
  fish --command 'complete -C "pg_canary_exporter --log.level "' | grep '^debug' &&
    fish --command 'complete -C "pg_canary_exporter config check --ag"' | grep -- '^--against' &&
    ! fish --command 'complete -C "pg_canary_exporter config check --wat"' | grep -- '^--watch'
}
zsh_completes() { zsh -f test-packages-zsh.zsh; }

unit=/usr/lib/systemd/system/pg_canary_exporter.service
verified() { [ -z "$(systemd-analyze verify "$unit" 2>&1 | tee /dev/stderr)" ]; }
# Of 100.
exposed() { systemd-analyze security --no-pager --offline=true --threshold=15 "$unit" | tail -n 1; }

main_pid() { systemctl show --property MainPID --value pg_canary_exporter; }
confined() {
  local pid files
  pid=$(main_pid)
  grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
  ! grep -q '^Uid:\s*0\s' "/proc/$pid/status" && grep -q '^CapBnd:\s*0*$' "/proc/$pid/status" &&
    grep -q '^NoNewPrivs:\s*1$' "/proc/$pid/status" && grep -q '^Seccomp:\s*2$' "/proc/$pid/status" || return
  # As many as systemd itself could have, where that is less.
  files=$(awk '/^Max open files/ { print $5 < 65536 ? $5 : 65536 }' /proc/1/limits)
  grep "^Max open files  *$files  *$files " "/proc/$pid/limits" && [ "$(systemctl show --property User --value pg_canary_exporter)" = pg_canary_exporter ] || return
  ! getent passwd pg_canary_exporter | grep -v 'Dynamic User' # None that stays.
}
own_metrics() {
  curl --fail --silent http://localhost:10187/metrics >/root/own || return
  for metric in process_start_time_seconds process_open_fds process_resident_memory_bytes; do grep "^$metric " /root/own || return; done
}
# The password is root's alone, and stands nowhere else.
password_is_kept() {
  local password pid
  password=$(</etc/pg_canary_exporter/password) pid=$(main_pid)
  [ "${#password}" -eq 32 ] && [ "$(stat --format '%a %U' /etc/pg_canary_exporter/password)" = '600 root' ] || return
  ! setpriv --reuid nobody --clear-groups cat "/proc/$pid/root/run/credentials/pg_canary_exporter.service/password" || return
  ! { tr '\0' '\n' <"/proc/$pid/environ"; journalctl -u pg_canary_exporter -o cat; cat /root/own /root/scraped; systemctl show pg_canary_exporter; } |
    grep --fixed-strings -- "$password"
}

config=/etc/pg_canary_exporter/clusters.yml
reloads() {
  sed -i 's/name: main/name: orders/' "$config"
  systemctl reload pg_canary_exporter && until_true targets_have orders
}
targets_have() { curl --fail --silent http://localhost:10187/targets | grep "\"$1\""; }
# Restored afterwards, with what the guide wrote.
refuses_mistakes() {
  local pid
  pid=$(main_pid)
  cp "$config" /root/right
  sed -i 's/nodes:/notes:/' "$config"
  ! systemctl reload pg_canary_exporter && journalctl -u pg_canary_exporter -o cat | grep "clusters.yml:6:.*is it nodes" || return
  cp /root/right "$config"
  targets_have orders && [ "$(main_pid)" = "$pid" ]
}
restarts_after_a_crash() {
  local pid
  pid=$(main_pid)
  [ "$pid" -gt 0 ] && kill -KILL "$pid" || return # 0 would be this script.
  until_true another_pid "$pid" && until_true targets_have orders
}
another_pid() { systemctl is-active --quiet pg_canary_exporter && [ "$(main_pid)" != "$1" ]; }

# The same version once more goes the way of an upgrade.
upgrades() {
  local pid password
  pid=$(main_pid) password=$(</etc/pg_canary_exporter/password)
  dpkg --install pg-canary-exporter_*.deb && another_pid "$pid" && until_true targets_have orders &&
    [ "$(</etc/pg_canary_exporter/password)" = "$password" ]
}
removes() {
  apt-get remove --yes pg-canary-exporter || return
  ! systemctl is-active pg_canary_exporter && ! ls /usr/bin/pg_canary_exporter "$unit" /etc/systemd/system/multi-user.target.wants/pg_canary_exporter.service &&
    grep 'name: orders' "$config" && ls -l /etc/pg_canary_exporter/environment /etc/pg_canary_exporter/password
}
purges() {
  apt-get purge --yes pg-canary-exporter && ! ls -d /etc/pg_canary_exporter /usr/share/pg_canary_exporter /usr/share/doc/pg-canary-exporter
}

# Where there is no systemd, as in a container, the package goes in and out as well.
without_systemd() {
  mv /run/systemd/system /run/systemd/elsewhere
  dpkg --install pg-canary-exporter_*.deb && pg_canary_exporter --version && dpkg --purge pg-canary-exporter
  local status=$?
  mv /run/systemd/elsewhere /run/systemd/system
  return $status
}

# The .rpm, of which rpm knows no dependency on a Debian: it has none but /bin/sh.
rpm_installs() {
  rpm --initdb && rpm --install --nodeps pg-canary-exporter-*.rpm && pg_canary_exporter --version && ls -l /etc/pg_canary_exporter/password &&
    rpm --verify --nodeps pg-canary-exporter
}
same_files() {
  diff <(rpm --query --list pg-canary-exporter | sed 's|zsh/site-functions|zsh/vendor-completions|; \|/usr/share/licenses|d' | sort) \
    <(dpkg-deb --fsys-tarfile pg-canary-exporter_*.deb | tar --list | sed 's|^\./|/|; \|/$|d; \|/usr/share/doc|d' | cat - <(echo /etc/pg_canary_exporter) | sort)
}
rpm_erases() {
  echo '# mine' >>"$config"
  rpm --erase --nodeps pg-canary-exporter || return
  ! ls /usr/bin/pg_canary_exporter && grep '# mine' "$config.rpmsave" && ls -l /etc/pg_canary_exporter/password
}

servers >/root/output 2>&1 || { cat /root/output; exit 1; }
check "the guide has five commands" has_five
begun=$(date +%s%N)
check "the guide's commands lead from the .deb to a synced replica" guide
echo "     from the .deb to the scraped metric: $((($(date +%s%N) - begun) / 1000000)) ms"
systemctl is-active --quiet pg_canary_exporter || { systemctl status --no-pager --full pg_canary_exporter; exit 1; }
check "the program is static" is_static
check "the man page is found and shown without a warning" man_page
check "bash completes" bash_completes
check "fish completes" fish_completes
check "zsh completes, at the first Tab" zsh_completes
check "systemd-analyze verify is silent" verified
check "systemd-analyze security is below 1.5" exposed
systemd-analyze security --no-pager --offline=true "$unit" | tail -n 1 | sed 's/^/     /'
check "the service is no root, without rights, and may open many files" confined
check "the exporter sees its own process" own_metrics
check "the password is root's, and nowhere else" password_is_kept
check "systemctl reload puts clusters.yml into force" reloads
check "systemctl reload refuses a file with mistakes, and names them" refuses_mistakes
check "the service comes back after a crash" restarts_after_a_crash
check "an upgrade restarts the service and keeps what was written" upgrades
check "remove leaves the configuration" removes
check "purge leaves nothing" purges
check "without systemd it is installed and purged too" without_systemd
check "the .rpm is installed" rpm_installs
check "the .rpm has the files of the .deb" same_files
check "erasing the .rpm leaves what was written" rpm_erases
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
