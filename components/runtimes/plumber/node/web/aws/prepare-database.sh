#!/usr/bin/env bash
# Before the migrations: makes sure that the database knows the user that this node's role logs in as. A new database
# on AWS has one login, whose password RDS keeps; where the node's own token is refused, that is read, used once and of
# no use afterwards. Tokens and passwords travel on standard input and stay in memory.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../../bootstrap/scripts source=library.sh
source library.sh

readonly REFUSED=3

# What speaks to the database is nobody's process, with nothing of this node in its environment.
first_boot() {
  (cd .. && setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    env --ignore-environment PATH="$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 python3 -m server.aws.first_boot "$1")
}

status=0
first_boot check <"$RUNTIME/secrets/database-owner" || status=$?
case $status in
  0) log "the database knows this node's role" ;;
  "$REFUSED")
    login=$(retry 600 ./cloud.sh database-bootstrap) || fail "the database's first login could not be read"
    printf '%s' "$login" | first_boot create || fail "the database user of this node's role could not be made"
    ;;
  *) fail "the database could not be reached" ;;
esac
