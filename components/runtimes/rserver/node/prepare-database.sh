#!/usr/bin/env bash
# Makes the product's own login on the database's server: a role with a password from the vault and rights on this
# database alone. Whoever comes first does it, with the identity that is the server's administrator; the next ones find
# it. Once this node's login has worked, a later boot asks no database.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh
umask 077

readonly SECRETS=$RUNTIME/secrets
# Debian's and Red Hat's trust stores, as libpq wants them: a file.
readonly STORES=(/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt)

store() {
  local each
  for each in "${STORES[@]}"; do
    [[ ! -f $each ]] || {
      printf '%s\n' "$each"
      return
    }
  done
  fail "there is no trust store in ${STORES[*]}"
}

# psql_as USER FILE: runs the file's statements, with the password on standard input; it is on no command line. Not in a
# password file, of which the libpq of these systems reads 320 characters a line: a token is longer.
psql_as() {
  PGPASSWORD=$(cat) PGSSLMODE=verify-full PGSSLROOTCERT=$trusted PGCONNECT_TIMEOUT=15 \
    psql --no-psqlrc --quiet --no-password --set ON_ERROR_STOP=1 --single-transaction \
    --host "$host" --port "$port" --username "$1" --dbname "$database" --file "$2"
}

# Drivers of 2016 to 2018 know no SCRAM (facts.md section 10), so that the server is given the older verifier, whatever it
# would make of a password; it never sees the password itself.
verifier() { printf 'md5%s' "$(printf '%s%s' "$(<"$SECRETS/$secret")" "$login" | md5sum | cut -d ' ' -f 1)"; }

# filled FILE: its statements, with the names in their places; what replaces them is on no command line either.
filled() {
  sed -f <(printf 's/:%s/%s/g\n' login "$login" verifier "$(verifier)" database "$database" \
    principal "$(node .database.principal)") "$1" >"$work/statements.sql"
}

as_identity() {
  local token
  token=$(./cloud.sh database-token) && filled ./login.sql &&
    psql_as "$(node .database.principal)" "$work/statements.sql" <<<"$token"
}

# AWS has a first login, whose password its vault keeps: it makes the identity's user, once, and is of no use afterwards.
as_first_login() {
  local password
  ./cloud.sh database-bootstrap >"$work/login.json" && filled ./first-login.sql &&
    password=$(python "$PROGRAMS/node_json.py" "$work/login.json" get .password) &&
    psql_as "$(python "$PROGRAMS/node_json.py" "$work/login.json" get .username)" "$work/statements.sql" <<<"$password"
}

# shellcheck disable=SC2329 # `retry` calls it
make_login() { as_identity || { has .database.bootstrap && as_first_login && as_identity; }; }

# shellcheck disable=SC2329 # `retry` calls it
works() { printf 'SELECT 1;\n' >"$work/try.sql" && psql_as "$login" "$work/try.sql" <"$SECRETS/$secret" >/dev/null; }

main() {
  has @.database.login || return 0
  login=$(node @.database.login)
  secret=$(node @.database.secret)
  if [[ -f $KEPT/database && $(<"$KEPT/database") == "$(sha256sum <"$SECRETS/$secret")" ]]; then
    log "the database knows $login"
    return
  fi
  host=$(node .database.host)
  port=$(node .database.port)
  database=$(node .database.name)
  trusted=$(store)
  work=$(mktemp --directory --tmpdir="$RUNTIME")
  trap 'rm -rf "$work"' EXIT
  if ! works 2>/dev/null; then
    log "making $login in $database"
    retry 600 make_login || fail "$login could not be made in the database; the lines above say why"
    retry 120 works || fail "the database does not let $login in; the lines above say why"
  fi
  sha256sum <"$SECRETS/$secret" >"$KEPT/database"
}

main
