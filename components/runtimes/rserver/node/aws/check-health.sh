#!/usr/bin/env bash
# Has a node replaced whose own processes are down, as Azure's health extension does: the live path decides and nothing
# else, so that an outage of the database replaces no node. A node that starts or drains is left alone.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly PATIENCE=3 # checks in a row that must fail; the timer starts one every 10 seconds
readonly FAILURES=$RUNTIME/live-failures

state=
[[ ! -f $RUNTIME/state.map ]] || read -r _ state <"$RUNTIME/state.map"
if [[ $state != ready && $state != failed ]] || reason=$(health live 2>&1 >/dev/null); then
  rm -f "$FAILURES"
  exit 0
fi
failures=$(($(cat "$FAILURES" 2>/dev/null || echo 0) + 1))
echo "$failures" >"$FAILURES"
log "$(node .health.live) failed $failures times in a row: $reason"
if ((failures >= PATIENCE)); then
  log "asking the group to replace this node"
  ./cloud.sh unhealthy
fi
