#!/usr/bin/env bash
# wait-until-ready.sh [SECONDS]: ends with 0 once this node is ready, or with 1 and the end of its log on both
# standard streams' reader, the cloud's machine extension: that text is what `pulumi up` shows.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

give_up() {
  printf '%s; the end of %s:\n' "$1" "$LOG"
  tail -n 40 "$LOG" 2>/dev/null || echo "(there is no such file: cloud-init did not come that far)"
  exit 1
}

# Where is read once: this asks every second while all processors are needed for what it waits for.
address=
ready() {
  [[ $address ]] || address=$(health_address ready) || return
  answers "$address"
}

seconds=${1:-1800}
deadline=$((SECONDS + seconds))
until ready >/dev/null 2>&1; do
  if systemctl is-failed --quiet operationalization-configure.service; then
    give_up "the node could not be configured"
  fi
  if ((SECONDS >= deadline)); then
    give_up "the node is not ready after $seconds seconds"
  fi
  sleep 1
done
echo "ready"
