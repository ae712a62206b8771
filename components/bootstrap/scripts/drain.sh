#!/usr/bin/env bash
# Takes this node out of service: its ready path fails, the probes notice, running requests end.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly LONGEST=120 # seconds that running requests get; a termination notice gives 5 minutes

# The requests that clients have running, apart from this question itself.
sessions() {
  printf 'show stat -1 1 -1\n' | socat -t 5 - "UNIX-CONNECT:$RUNTIME/proxy.sock" |
    awk -F , '$2 == "FRONTEND" { sum += $5 } END { print sum + 0 }'
}

log "draining"
./state.sh draining
sleep "$(node .health.window)"
deadline=$((SECONDS + LONGEST))
while (($(sessions) > 0 && SECONDS < deadline)); do
  sleep 1
done
log "drained"
