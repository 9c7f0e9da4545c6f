# shellcheck shell=bash
# How test-packages.sh makes its throw-away machine.

# boot WORK: starts systemd in a copy of this machine. The process that all of it ends with is written to WORK/init.
boot() {
  local work=$1 unshared deadline=$((SECONDS + 180))
  # A control group of its own keeps what systemd makes there together.
  mkdir "$work/cgroup"
  mount -t cgroup2 cgroup2 "$work/cgroup" && mkdir "$work/cgroup/$(basename "$work")" || return
  (
    echo "$BASHPID" >"$work/cgroup/$(basename "$work")/cgroup.procs"
    exec unshare --mount --uts --ipc --net --cgroup --pid --fork --kill-child bash -euc "$(declare -f lay_out); lay_out $work"
  ) >"$work/boot.log" 2>&1 &
  unshared=$!
  until init=$(pgrep --parent "$unshared" --exact systemd) && inside "$init" systemctl is-active --quiet dbus.socket; do
    if ! kill -0 "$unshared" 2>/dev/null || ((SECONDS >= deadline)); then
      kill -KILL "$unshared" 2>/dev/null
      return 1
    fi
    sleep 0.1
  done 2>>"$work/boot.log"
  echo "$init" >"$work/init"
}

# throw_away WORK: ends the copy, and removes what is left of it.
throw_away() {
  # The first process of the copy takes all others and every mount along.
  if [ -e "$1/init" ]; then kill -KILL "$(<"$1/init")" 2>/dev/null || true; fi
  wait 2>/dev/null || true
  if mountpoint --quiet "$1/cgroup"; then
    find "$1/cgroup/$(basename "$1")" -depth -type d -exec rmdir {} + || true
    umount "$1/cgroup" || true
  fi
  rm -rf --one-file-system "$1"
}

# inside INIT COMMAND...: runs it in the copy.
inside() {
  local init=$1
  shift
  # In a session of its own, which no signal leaves.
  setsid --wait nsenter --target "$init" --mount --uts --ipc --net --cgroup --pid --root --wd \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# lay_out WORK: the file systems of the copy, and systemd in them. Runs in namespaces of its own.
lay_out() {
  local layer=$1/layer root=$1/layer/root device
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 tmpfs "$layer"
  mkdir "$layer/upper" "$layer/work" "$root"
  mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"
  mount -t proc proc "$root/proc"
  # The kernel is this machine's too: its settings are not for the copy to change.
  for device in sys sysrq-trigger irq bus; do
    [ -e "$root/proc/$device" ] || continue
    mount --bind "$root/proc/$device" "$root/proc/$device"
    mount -o remount,bind,ro "$root/proc/$device"
  done
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  mkdir -p "$root/dev/shm" "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  ip link set lo up
  : >"$root/etc/fstab"
  # Nothing of what this machine runs, and no waiting for a network that there is not.
  rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/systemd/system/pg_canary_exporter.service.d"
  for device in systemd-networkd-wait-online NetworkManager-wait-online; do
    ln -sf /dev/null "$root/etc/systemd/system/$device.service"
  done
  printf '[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n' >"$root/etc/systemd/system/throw-away.target"
  # Not chroot, in which the kernel makes no namespace of users.
  cd "$root" || return
  pivot_root . mnt
  umount --lazy /mnt
  mount --make-rshared / # As systemd has it where it is no container's; credentials come that way.
  exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=throw-away.target --log-target=console
}
