#!/usr/bin/env bash
# What makes this machine a one-box: the users of both roles, the public half of the token key, who may call, its pool of
# R workers, and the database's schema. Starts nothing that serves. What it has in common with role.sh of the web and of
# the compute role is the same text; a test holds it to that.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../bootstrap/scripts source=library.sh
source library.sh

readonly SECRETS=$RUNTIME/secrets
readonly UNITS=/run/systemd/system
readonly SHARE=60 # percent of the memory for all workers: the API and the loader live here too

user() {
  getent passwd "$1" >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --user-group "$1"
}

systemctl --no-reload mask --quiet --now haproxy.service
user operationalization-api
user operationalization-loader

openssl pkey -in "$SECRETS/token-signing-key" -pubout -out "$RUNTIME/token-public.pem"
key_id=$(openssl pkey -pubin -in "$RUNTIME/token-public.pem" -outform DER | sha256sum | cut -c 1-16)
chmod 0644 "$RUNTIME/token-public.pem"

{
  node '.clients[]'
  node '.firewall.inbound[].address'
  echo 127.0.0.0/8
} | sort -u >"$RUNTIME/clients.lst"

workers=$(node '.["one-box"].workers')
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

# The way in sends no token on to the workers: their model code is untrusted.
{
  printf 'backend compute\n  balance leastconn\n  option abortonclose\n'
  printf '  http-request del-header Authorization\n'
  for ((index = 1; index <= workers; index++)); do
    socket=/run/operationalization-worker/$index/worker.sock
    echo "  server worker$index unix@$socket maxconn 1 check inter 1s fall 3 rise 1"
  done
} >"$RUNTIME/workers.cfg"
printf '%s\n' "TOKEN_KEY_ID=$key_id" "TOKEN_ISSUER=operationalization/$(node .environment)" \
  "WORKERS=$workers" \
  "CONFIGURATION=-f /etc/operationalization/haproxy.cfg -f $RUNTIME/workers.cfg" >"$RUNTIME/role.env"

./schema.sh
