#!/usr/bin/env bash
# Brings the schema of the managed database up to date, as a web node does: what they have in common is the same text.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../../bootstrap/scripts source=library.sh
source library.sh

readonly SECRETS=$RUNTIME/secrets
readonly MIGRATED=/var/lib/operationalization/migrated

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

migrate
