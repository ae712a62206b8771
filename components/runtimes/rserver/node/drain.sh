#!/usr/bin/env bash
# Takes this node out of service: its ready path fails, the probes notice, running requests end.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly LONGEST=120 # seconds that running requests get; a termination notice gives 5 minutes

# The requests that are being worked on, but for the one that asks. Connections that only wait for another request don't
# count: who has them may keep them for minutes.
requests() { python3 -B ./running_requests.py "$RUNTIME/proxy/status.sock"; }

# Seconds until the probes have noticed. A node that left before, and only waits for its end, has been noticed.
unnoticed() {
  local window map=$RUNTIME/state.map since=0
  window=$(node .health.window)
  if [[ -e $map && $(<"$map") == "state draining" ]]; then
    since=$(($(date +%s) - $(stat --format %Y "$map")))
  else
    ./state.sh draining
  fi
  ((since >= 0)) || since=0 # somebody set the clock
  echo $((since < window ? window - since : 0))
}

log "draining"
sleep "$(unnoticed)"
deadline=$((SECONDS + LONGEST))
while running=$(requests) && ((running > 0 && SECONDS < deadline)); do
  sleep 1
done
log "drained"
