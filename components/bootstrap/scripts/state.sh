#!/usr/bin/env bash
# state.sh starting|ready|draining|failed: what the ready path answers from now on; only `ready` answers 200.
# The file is what the proxy reads when it (re)starts, its admin socket tells the one that runs.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

state=${1:?usage: state.sh starting|ready|draining|failed}
map=$RUNTIME/state.map
mkdir -p "$RUNTIME"
printf 'state %s\n' "$state" >"$map.new"
mv "$map.new" "$map"
if [[ -S $RUNTIME/proxy.sock ]]; then
  # A socket file that a stopped proxy left behind refuses; the next proxy reads the file.
  printf 'set map %s state %s\n' "$map" "$state" | socat -t 5 - "UNIX-CONNECT:$RUNTIME/proxy.sock" >/dev/null 2>&1 || true
fi
