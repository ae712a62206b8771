#!/usr/bin/env bash
# Tells the node's group that it serves, and has the node's own processes looked after from now on, also after a
# restart of the machine.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

main() {
  systemctl --no-reload enable --quiet operationalization-health.timer
  systemctl start operationalization-health.timer
  retry 600 ./cloud.sh ready || fail "the group of this node could not be told that it is ready; the lines above say why"
}

(main) 2>&1 | tee -a "$LOG"
