#!/usr/bin/env bash
# Waits until the cloud announces the end of this machine, drains it, and lets the end happen.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

problem=
while true; do
  if events=$(./cloud.sh notices 2>&1); then
    problem=
    if [[ -n $events ]]; then
      log "the cloud is about to end this machine: ${events//$'\n'/ }"
      ./drain.sh
      while read -r event; do
        retry 60 ./cloud.sh acknowledge "$event"
      done <<<"$events"
      exit 0
    fi
  elif [[ -z $problem ]]; then
    problem=yes
    log "cannot read the cloud's notices, going on: $events"
  fi
  sleep 5
done
