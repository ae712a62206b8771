#!/bin/sh
# Runs one guest and stays with it. Usage: launch.sh FOLDER LOWERDIRS [--group FILE] [--guest-group FILE]
#   [--bind FROM TO] [--bind-ro FROM TO] -- OPTIONS OF systemd-nspawn
# FOLDER has the guest's disk (upper, work); LOWERDIRS are the layers below it, topmost first, with colons between.
# --group: cgroup.procs file for this process, --guest-group: for systemd-nspawn itself. FROM is absolute, TO is a
# path in the guest. Writes its exit status to FOLDER/ended: no such file means that it was killed.
#
# All mounts are made in a mount namespace of this process (`unshare --mount` starts it), so they end with it, however
# it ends, and nobody else sees them.
set -eu
folder=$1 layers=$2
shift 2
rm -f "$folder/ended"

# systemd-nspawn leaves files in these when it is killed. The folders given may be below /tmp, so that one is last.
mkdir -p /run/systemd
mount -t tmpfs -o mode=0755 tmpfs /run/systemd
root=/run/systemd/root
mkdir "$root"
cd "$folder"
mount -t overlay -o "lowerdir=$layers,upperdir=$folder/upper,workdir=$folder/work" overlay "$root"

guest_groups=
while [ "$1" != -- ]; do
  case $1 in
    --group) echo $$ >"$2" && shift 2 ;;
    --guest-group) guest_groups="$guest_groups $2" && shift 2 ;;
    --bind | --bind-ro)
      if [ -d "$2" ]; then mkdir -p "$root$3"; else mkdir -p "$(dirname "$root$3")" && touch "$root$3"; fi
      mount --bind "$2" "$root$3"
      [ "$1" = --bind ] || mount -o remount,bind,ro "$root$3"
      shift 3
      ;;
    *) echo "launch.sh: unknown option $1" >&2 && exit 64 ;;
  esac
done
shift
mount -t tmpfs -o mode=1777 tmpfs /tmp

# 133: the guest has rebooted itself; systemd-nspawn leaves the start to whoever started it (--keep-unit).
code=133
while [ "$code" = 133 ]; do
  code=0
  (
    cd /
    for group in $guest_groups; do sh -c 'echo $PPID' >"$group"; done
    exec setpriv --pdeathsig KILL systemd-nspawn --directory="$root" "$@"
  ) || code=$?
done
echo "$code" >ended.new
mv ended.new ended
exit "$code"
