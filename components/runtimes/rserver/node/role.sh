#!/usr/bin/env bash
# What makes the installed product a web node, a compute node or both: its appsettings.json, its certificates, its
# database login and its set-up, then the proxy in front of it. Starts nothing that serves. In the order of the documents
# (facts.md R8, R9): addresses and database first, then set-up, which writes the rest, then our own settings.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

# merge WHICH: of every part; a change counts from a restart of the product on.
merge() {
  local part changed
  for part in "${parts[@]}"; do
    changed=$(product merge "$part" "$1")
    [[ -z $changed ]] || touch "$RUNTIME/restart"
  done
}

# 9.0 comes with unit files that nothing installs (8.4).
install_units() {
  local part folder
  for part in "${parts[@]}"; do
    folder=$(product path "$part")/autoStartScriptsLinux
    [[ ! -d $folder ]] || cp "$folder"/* /etc/systemd/system/
  done
  systemctl daemon-reload
}

mapfile -t parts < <(node @.parts)
./prepare-database.sh
./store-certificates.sh
merge first
product mark-idle
if product setup; then :; else fail "the product's set-up failed; the lines above say why"; fi
[[ $(node @.setup.tool) != none ]] || install_units
merge overlay
./configure-proxy.sh
