#!/usr/bin/env bash
# Brings the files of this node that its user data has no room for: one archive in the environment's own bucket,
# verified against the hash in the user data. Runs before `configure.sh`, which is among them; once they are there a
# later boot asks nobody.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../.. source=library.sh
source library.sh

readonly UNPACKED=/var/lib/operationalization/bundle

# shellcheck disable=SC2329 # `retry` calls it
fetch() { ./cloud.sh bundle >"$work/bundle"; }

main() {
  local sha256
  ./install-packages.sh
  sha256=$(node .bundle.sha256)
  if [[ -f $UNPACKED && $(<"$UNPACKED") == "$sha256" ]]; then
    log "the files of bundle $sha256 are there"
    return
  fi
  work=$(mktemp --directory)
  trap 'rm -rf "$work"' EXIT
  # The permission of a fresh role takes a while to arrive, as a secret's does.
  retry 600 fetch || fail "$(node .bundle.uri) could not be fetched; the lines above say why"
  python3 -BI ./unpack_bundle.py "$work/bundle" "$sha256" / || fail "$(node .bundle.uri) is not what the user data names"
  mkdir -p "$(dirname "$UNPACKED")"
  printf '%s\n' "$sha256" >"$UNPACKED"
  systemctl daemon-reload
  log "unpacked bundle $sha256"
}

mkdir -p "$(dirname "$LOG")"
(main) 2>&1 | tee -a "$LOG"
