#!/usr/bin/env bash
# state.sh starting|ready|draining|failed: what the ready path answers from now on; only `ready` answers 200. The proxy
# answers from a file that the watcher keeps; a node that is not ready any more does not wait for it.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

state=${1:?usage: state.sh starting|ready|draining|failed}
map=$RUNTIME/state.map
mkdir -p "$RUNTIME/health"
printf 'state %s\n' "$state" >"$map.new"
mv "$map.new" "$map"
[[ $state == ready ]] || rm -f "$RUNTIME/health/ping"
