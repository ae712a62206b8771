#!/usr/bin/env bash
# Runs one step of an upgrade on a node. Input: the upgrade's id, the archive's name in the folder of what was sent,
# its sum, and the step. The archive brings upgrade.sh, which does it: that of the release that upgrades, whatever the
# node was made with.
set -euo pipefail
umask 077

read -r id
read -r archive
read -r sum
read -r step
work=/var/lib/operationalization/upgrade/$id
if [[ $step == settle && ! -e $work/unpacked ]]; then
  exit 0 # it did before, and was not heard
fi
if [[ ! -e $work/unpacked ]]; then
  sha256sum --quiet --check <<<"$sum  /var/lib/operationalization/incoming/$archive" >&2
  mkdir -p "$work"
  tar -xzf "/var/lib/operationalization/incoming/$archive" -C "$work"
  touch "$work/unpacked"
fi
exec bash "$work/files/opt/operationalization/bin/upgrade.sh" "$work" "$step"
