#!/usr/bin/env bash
# Takes this node out of service: its ready path fails, the probes notice, running requests end.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly LONGEST=120 # seconds that running requests get; a termination notice gives 5 minutes

# The requests that are being worked on. Connections that only wait for another request don't count: who has them, a
# client's pool or a web node's proxy, may keep them for minutes.
requests() {
  printf 'show stat -1 2 -1\n' | socat -t 5 - "UNIX-CONNECT:$RUNTIME/proxy.sock" |
    awk -F , '$2 == "BACKEND" { sum += $5 } END { print sum + 0 }'
}

log "draining"
./state.sh draining
sleep "$(node .health.window)"
deadline=$((SECONDS + LONGEST))
while (($(requests) > 0 && SECONDS < deadline)); do
  sleep 1
done
log "drained"
