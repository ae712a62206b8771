#!/usr/bin/env bash
# wait-until-ready.sh [SECONDS]: ends with 0 once this node is ready, or with 1 and the end of its log on both
# standard streams' reader, the cloud's machine extension: that text is what `pulumi up` shows.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

# cloud-init may not have written the node's file yet; later it does not change, and jq is slow to start.
where=
is_ready() {
  where=${where:-$(node '"https://localhost:\(.port)\(.health.ready)"' 2>/dev/null)}
  [[ $where ]] && curl -fsSk --max-time 5 --noproxy '*' "$where" >/dev/null 2>&1
}

give_up() {
  printf '%s; the end of %s:\n' "$1" "$LOG"
  tail --lines 40 "$LOG" 2>/dev/null || echo "(there is no such file: cloud-init did not come that far)"
  exit 1
}

seconds=${1:-1800}
deadline=$((SECONDS + seconds))
until is_ready; do
  if systemctl is-failed --quiet operationalization-configure.service; then
    give_up "the node could not be configured"
  fi
  if ((SECONDS >= deadline)); then
    give_up "the node is not ready after $seconds seconds"
  fi
  sleep 0.5
done
echo "ready"
