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

log "draining"
./state.sh draining
sleep "$(node .health.window)"
deadline=$((SECONDS + LONGEST))
while running=$(requests) && ((running > 0 && SECONDS < deadline)); do
  sleep 1
done
log "drained"
