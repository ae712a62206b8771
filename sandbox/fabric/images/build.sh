#!/usr/bin/env bash
# Fills the root of one image. building.py calls it as process 1 of namespaces of its own (mounts
# and processes), so that whatever ends it leaves neither a mount nor a process.
#
# usage: build.sh WORK PACKAGE...
#
#   WORK/upper            the image, or its layer
#   WORK/parents          lower folders of a layer, topmost first, with `:` between; absent: no layer
#   WORK/sources          apt sources; empty: what mmdebstrap takes for SUITE by itself
#   WORK/apt.conf         settings of apt while it builds
#   WORK/kept.conf        settings of apt that stay in the image
#   WORK/authority.crt    certificate that the image's trust store gets
#   CONTENT               (variable) folder with the image's `files` and `finish.sh`
#   PACKAGES              (variable) downloads of earlier builds
#   SUITE                 (variable) Debian's release

set -euo pipefail

WORK=$1
shift
ROOT=$WORK/root
export PACKAGES DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
unset TMPDIR

mount --make-rprivate /
mount -t proc proc /proc
mkdir -p "$ROOT" "$WORK/upper" "$PACKAGES/archives/partial" "$PACKAGES/lists/partial"

# What hosts have no use for is never unpacked; and nothing needs to outlive a power cut.
DPKG_OPTIONS=(
  force-unsafe-io
  'path-exclude=/usr/share/doc/*'
  'path-include=/usr/share/doc/*/copyright'
  'path-exclude=/usr/share/groff/*'
  'path-exclude=/usr/share/info/*'
  'path-exclude=/usr/share/lintian/*'
  'path-exclude=/usr/share/locale/*'
  'path-exclude=/usr/share/man/*'
)

copy_files() {
  [[ ! -d $CONTENT/files ]] || cp -R --no-preserve=ownership,timestamps "$CONTENT/files/." "$ROOT/"
}

bootstrap() {
  local sources=()
  [[ ! -s $WORK/sources ]] || sources=("$WORK/sources")
  mount --bind "$WORK/upper" "$ROOT"
  # The hook's mount is for the next command too: the folder of downloads stays in place till the end.
  # shellcheck disable=SC2016 # mmdebstrap's shell fills them in
  mmdebstrap --mode=root --variant=apt --format=directory \
    --skip=check/empty,download/empty,essential/unlink,cleanup/apt \
    --aptopt='APT::Install-Recommends "false"' --aptopt="$WORK/apt.conf" \
    "${DPKG_OPTIONS[@]/#/--dpkgopt=}" \
    --setup-hook='mkdir -p "$1/var/cache/apt/archives" && mount --bind "$PACKAGES/archives" "$1/var/cache/apt/archives"' \
    --customize-hook='cp -R --update "$1/var/lib/apt/lists/." "$PACKAGES/lists/"' \
    --include="$(IFS=,; printf '%s' "$*")" \
    "$SUITE" "$ROOT" "${sources[@]}"
  umount "$ROOT/var/cache/apt/archives"
  rm -rf "$ROOT/var/lib/apt/lists"/*
  rm "$ROOT/etc/apt/apt.conf.d/99mmdebstrap"
  mv "$ROOT/etc/dpkg/dpkg.cfg.d"/{99mmdebstrap,90sandbox}
  cp "$WORK/kept.conf" "$ROOT/etc/apt/apt.conf.d/90sandbox"
  cp "$WORK/authority.crt" "$ROOT/usr/local/share/ca-certificates/operationalization-sandbox.crt"
  prepare_chroot
  copy_files
}

prepare_chroot() {
  mount -t proc proc "$ROOT/proc"
  mount --rbind /dev "$ROOT/dev"
  mount -t tmpfs tmpfs "$ROOT/run"
  mount -t tmpfs tmpfs "$ROOT/tmp"
  # No package starts a service while it is installed.
  printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
  chmod 755 "$ROOT/usr/sbin/policy-rc.d"
}

layer() {
  mkdir -p "$WORK/work"
  mount -t overlay overlay -o \
    "lowerdir=$(<"$WORK/parents"),upperdir=$WORK/upper,workdir=$WORK/work,redirect_dir=off,metacopy=off,index=off" "$ROOT"
  prepare_chroot
  copy_files
  (($# == 0)) || install "$@"
}

install() {
  mount --bind "$PACKAGES/archives" "$ROOT/var/cache/apt/archives"
  mount --bind "$PACKAGES/lists" "$ROOT/var/lib/apt/lists"
  # Names are looked up, and mirrors logged in to, as this machine does it.
  cp --remove-destination /etc/resolv.conf "$ROOT/run/resolv.conf"
  mount --bind "$ROOT/run/resolv.conf" "$ROOT/etc/resolv.conf"
  cp /etc/hosts "$ROOT/run/hosts"
  [[ ! -d /etc/apt/auth.conf.d ]] || mount --bind /etc/apt/auth.conf.d "$ROOT/etc/apt/auth.conf.d"
  cp "$WORK/apt.conf" "$ROOT/etc/apt/apt.conf.d/95build"
  chroot "$ROOT" apt-get -qq update
  chroot "$ROOT" apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
  umount "$ROOT/etc/resolv.conf" "$ROOT/var/cache/apt/archives" "$ROOT/var/lib/apt/lists"
  rm "$ROOT/etc/apt/apt.conf.d/95build"
}

if [[ -e $WORK/parents ]]; then layer "$@"; else bootstrap "$@"; fi
[[ ! -e $CONTENT/finish.sh ]] || chroot "$ROOT" /bin/sh -s <"$CONTENT/finish.sh"
chroot "$ROOT" ldconfig
# Or a boot would look for what has changed in /usr since the last one.
touch --reference="$ROOT/usr" "$ROOT/etc/.updated" "$ROOT/var/.updated"
rm -f "$ROOT/usr/sbin/policy-rc.d" "$ROOT"/var/cache/apt/*.bin "$ROOT"/var/cache/debconf/*-old \
  "$ROOT"/var/log/{dpkg,alternatives,bootstrap}.log "$ROOT"/var/lib/dpkg/*-old
rm -rf "$ROOT"/var/log/apt/*
umount "$ROOT/dev" "$ROOT/proc" "$ROOT/run" "$ROOT/tmp" 2>/dev/null || umount --lazy --recursive "$ROOT"
