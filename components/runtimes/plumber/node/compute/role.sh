#!/usr/bin/env bash
# What makes this node a compute node: its pool of R workers, one systemd unit each, as many as the node has processors
# unless the settings say otherwise. Starts nothing that serves.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../bootstrap/scripts source=library.sh
source library.sh

readonly UNITS=/run/systemd/system
readonly SHARE=80 # percent of the node's memory that all workers together may take

user() {
  getent passwd "$1" >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --user-group "$1"
}

systemctl --no-reload mask --quiet --now haproxy.service
user operationalization-loader

workers=$(node .compute.workers)
((workers > 0)) || workers=$(nproc)

mkdir -p "$UNITS"/operationalization-{workers.target.d,worker@.service.d}
{
  echo '[Unit]'
  for ((index = 1; index <= workers; index++)); do
    echo "Wants=operationalization-worker@$index.service"
  done
} >"$UNITS/operationalization-workers.target.d/pool.conf"
printf '[Service]\nMemoryMax=%s%%\n' "$(awk -v share="$SHARE" -v workers="$workers" 'BEGIN { print share / workers }')" \
  >"$UNITS/operationalization-worker@.service.d/memory.conf"

{
  printf 'backend workers\n  balance leastconn\n  option abortonclose\n'
  for ((index = 1; index <= workers; index++)); do
    socket=/run/operationalization-worker/$index/worker.sock
    echo "  server worker$index unix@$socket maxconn 1 check inter 1s fall 3 rise 1"
  done
} >"$RUNTIME/workers.cfg"
printf '%s\n' "WEB_CLIENT_NAME=$(node .compute.webClientName)" "WORKERS=$workers" \
  "CONFIGURATION=-f /etc/operationalization/haproxy.cfg -f $RUNTIME/workers.cfg" >"$RUNTIME/role.env"
