#!/usr/bin/env bash
# Fetches the node's secrets from the cloud's vault, with the node's own identity, to where only their reader looks.
# The permission of a fresh identity takes minutes to arrive: up to 10 are granted (design.md section 8).
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh
umask 077

# shellcheck disable=SC2329 # `retry` calls it
fetch() {
  local name=$1 path=$2 owner=$3 mode=$4
  # Chained, because errexit is off in what `retry` calls.
  ./cloud.sh secret "$name" >"$path.new" && [[ -s $path.new ]] && chown "$owner" "$path.new" &&
    chmod "$mode" "$path.new" && mv "$path.new" "$path"
}

while IFS=$'\t' read -r -u 3 name path owner mode; do
  mkdir -p "$(dirname "$path")"
  [[ $(findmnt --noheadings --output FSTYPE --target "$(dirname "$path")") == tmpfs ]] ||
    fail "$path is not on tmpfs: a secret would reach a disk"
  retry 600 fetch "$name" "$path" "$owner" "$mode" ||
    fail "secret $name could not be fetched from the vault, or is empty there"
done 3< <(rows .secrets name path owner mode)
