#!/usr/bin/env bash
# What makes this node a web node: its users, the public half of the token key, who may call, and the database's
# schema. Starts nothing that serves.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../bootstrap/scripts source=library.sh
source library.sh

readonly SECRETS=$RUNTIME/secrets
readonly MIGRATED=/var/lib/operationalization/migrated

user() {
  getent passwd "$1" >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --user-group "$1"
}

# Only root may ask the metadata service, so the migration is given the token.
database_token() { (umask 077 && ./cloud.sh database-token >"$SECRETS/database-owner"); }

# The schema is brought forward once for each set of migrations; a later boot needs no database for it.
migrate() {
  local digest
  digest=$(cat /opt/operationalization/server/api/migrations/*.sql | sha256sum)
  if [[ -f $MIGRATED && $(<"$MIGRATED") == "$digest" ]]; then
    log "the database's schema is known to be up to date"
    return
  fi
  trap 'rm -f "$SECRETS/database-owner"' EXIT
  retry 600 database_token || fail "the identity got no token for the database"
  systemctl start operationalization-migrate.service || {
    journalctl --unit operationalization-migrate.service --lines 20 --no-pager --output cat >&2
    fail "the database's schema could not be brought up to date; the reason is above"
  }
  mkdir -p "$(dirname "$MIGRATED")"
  printf '%s\n' "$digest" >"$MIGRATED"
}

systemctl --no-reload mask --quiet --now haproxy.service
user operationalization-api
user operationalization-discovery

openssl pkey -in "$SECRETS/token-signing-key" -pubout -out "$RUNTIME/token-public.pem"
key_id=$(openssl pkey -pubin -in "$RUNTIME/token-public.pem" -outform DER | sha256sum | cut -c 1-16)
chmod 0644 "$RUNTIME/token-public.pem"
printf '%s\n' "TOKEN_KEY_ID=$key_id" "TOKEN_ISSUER=operationalization/$(node .environment)" \
  "COMPUTE_SERVER_NAME=$(node .web.computeServerName)" "CONFIGURATION=-f /etc/operationalization/haproxy.cfg" >"$RUNTIME/role.env"
{
  node '.clients[]'
  node '.firewall.inbound[].address'
  echo 127.0.0.0/8
} | sort -u >"$RUNTIME/clients.lst"

migrate
