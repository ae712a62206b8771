#!/usr/bin/env bash
# Makes the folder of the machine's own database, and brings its schema up to date. The API's user owns it; the loader's
# group may read; nobody else looks in. Files get the folder's group from its setgid bit.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/../../../../../bootstrap/scripts source=library.sh
source library.sh

install --directory --mode 0755 /var/lib/operationalization
install --directory --owner operationalization-api --group operationalization-loader --mode 2750 \
  /var/lib/operationalization/database
systemctl start operationalization-migrate.service || {
  journalctl --unit operationalization-migrate.service --lines 20 --no-pager --output cat >&2
  fail "the database's schema could not be brought up to date; the reason is above"
}
