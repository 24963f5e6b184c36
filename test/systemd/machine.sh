#!/bin/bash
# A machine of its own for tests of services: systemd as process 1 of a pid namespace, on a copy of this machine's file
# system that lives in memory. Needs root. Started by test/support/systemd-machine.ts as
#
#   unshare --mount machine.sh FOLDER CGROUP HIDDEN
#
# FOLDER: an empty one, in which the file system is mounted, seen by this process and its children alone. CGROUP: a folder
# of cgroup v2 that is made, and is the machine's whole tree. HIDDEN: a folder that the machine is not to have.
# Each line of standard input boots the machine, on the file system as the last boot left it. That is answered by
# `process PID` (its process 1, as we see it), `booted`, and `ended` when it went down. When this process ends, nothing is
# left of the machine.
set -euo pipefail
folder=$1 cgroup=$2 hidden=${3:-}
root=$folder/root
machine=
waiter=

tidy() {
  # A dying parent may say so several times, and where nobody reads any more a word about a killed job would end us.
  trap '' TERM INT HUP
  exec >/dev/null 2>&1
  if [ -n "$machine" ]; then
    # By the death of its process 1: unshare alone would be gone before what it started.
    kill -KILL "$(cat "$folder/process")" 2>/dev/null || kill -KILL "$machine" 2>/dev/null || true
    wait "$machine" 2>/dev/null || true
  fi
  [ -z "$waiter" ] || kill "$waiter" 2>/dev/null || true
  find "$cgroup" -depth -type d -exec rmdir {} +
}

prepare() {
  local upper=$folder/upper path
  # Nothing is known there of this machine's own services, nor of its people.
  local emptied=(/root /home /tmp /run /dev /proc /sys /var/log /var/tmp /var/lib/systemd /etc/systemd/system
    /usr/lib/systemd/system-generators)
  mount -t tmpfs -o mode=755 paceline-machine "$folder"
  mkdir "$upper" "$folder/work" "$root"
  for path in "${emptied[@]}" "$hidden"; do
    # What an overlay takes for a removed file; below one of those there is nothing left to remove.
    if mkdir -p "$upper${path%/*}" 2>/dev/null; then mknod "$upper$path" c 0 0; fi
  done
  mount -t overlay -o "lowerdir=/,upperdir=$upper,workdir=$folder/work" paceline-machine "$root"
  for path in "${emptied[@]}"; do mkdir "$root$path"; done
  chmod 700 "$root/root"
  mkdir "$root/var/log/journal" # is kept over boots
  chmod 1777 "$root/var/tmp"
  echo paceline-machine >"$root/etc/hostname"
  ln -s /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
  # The last unit of a boot; whoever reads the pipe hears of it.
  mkfifo "$root/.booted"
  mkdir "$root/etc/systemd/system/multi-user.target.wants"
  ln -s ../booted.service "$root/etc/systemd/system/multi-user.target.wants/booted.service"
  cat >"$root/etc/systemd/system/booted.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo booted >/.booted'
UNIT
}

# As process 1 of the new namespaces, until systemd is.
become_systemd() {
  local pid
  # /proc is still that of this machine, and calls us by our number there.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$folder/process"
  echo "process $pid"
  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
  # Settings of the kernel are not the machine's to change; but each of its boots has a number, as elsewhere.
  mount --bind "$root/proc/sys" "$root/proc/sys"
  cat /proc/sys/kernel/random/uuid >"$root/run/boot-id"
  mount --bind "$root/run/boot-id" "$root/proc/sys/kernel/random/boot_id"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
  make_devices
  cd "$root"
  pivot_root . .
  umount -l .
  exec env -i container=paceline PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog --inh-caps=-all \
    /lib/systemd/systemd </dev/null >/dev/null 2>&1
}

make_devices() {
  local device number
  mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"; done
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
}

boot() {
  rm -f "$folder/process"
  (
    # The cgroup in which the namespace is made is the root of all that are seen inside.
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    # It dies with us: unshare by setpriv, process 1 by unshare, and with process 1 all others.
    exec setpriv --pdeathsig KILL unshare --pid --mount --ipc --uts --cgroup --fork --kill-child \
      bash "$0" inside "$folder"
  ) &
  machine=$!
  cat "$root/.booted" &
  waiter=$!
  wait "$machine" || true
  machine=
  kill "$waiter" 2>/dev/null || true
  waiter=
  echo ended
}

if [ "$folder" = inside ]; then
  folder=$2 root=$2/root
  become_systemd
fi
trap tidy EXIT
trap 'exit 1' TERM INT HUP
mkdir "$cgroup"
prepare
while read -r _; do boot; done
