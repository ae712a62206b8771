#!/usr/bin/env bash
# open-worker.sh N: lets this node's proxy, and nobody else, in to worker N once it listens.
set -euo pipefail

folder=/run/operationalization-worker/${1:?usage: open-worker.sh N}
until [[ -S $folder/worker.sock ]]; do
  sleep 0.1 # systemd's start timeout ends this
done
chmod 0711 "${folder%/*}"
chgrp haproxy "$folder"
