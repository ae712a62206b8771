#!/usr/bin/env bash
# Adds the authorities of the region's databases to the system's trust store, which every connection to the database
# is verified against, on nodes that speak to one. Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB
# instance": a bundle for each region. An image may have it already, as files of these names; then nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly BUNDLES=https://truststore.pki.rds.amazonaws.com
place=/usr/local/share/ca-certificates store=/etc/ssl/certs/ca-certificates.crt update=update-ca-certificates
if type -P update-ca-trust >/dev/null; then
  place=/etc/pki/ca-trust/source/anchors store=/etc/pki/tls/certs/ca-bundle.crt update=update-ca-trust
fi

# The store is newer than each file, or it was not renewed since.
trusted() {
  local file
  for file in "$place"/rds-*.crt; do
    [[ -f $file && $store -nt $file ]] || return 1
  done
}

# shellcheck disable=SC2329 # `retry` calls it
fetch() { curl -sS --fail --max-time 60 --noproxy '*' --output "$work/bundle.pem" "$BUNDLES/$region/$region-bundle.pem"; }

main() {
  if ! has @.database.login; then
    log "this node speaks to no database: there is no authority to trust for one"
    return
  fi
  if trusted; then
    log "the authorities of the region's databases are trusted"
    return
  fi
  [[ $(node .egress) == packages ]] ||
    fail "the image lacks the authorities of the region's databases ($place/rds-*.crt) and access.egress is none: use an image that has them"
  region=$(node .region)
  work=$(mktemp --directory)
  trap 'rm -rf "$work"' EXIT
  retry 600 fetch || fail "the authorities of the region's databases could not be fetched from $BUNDLES"
  # One certificate a file, as update-ca-certificates wants them.
  awk -v folder="$work" '/-BEGIN CERTIFICATE-/ { name = sprintf("%s/rds-%03d.crt", folder, ++count) } name { print > name }' \
    "$work/bundle.pem"
  for file in "$work"/rds-*.crt; do
    openssl x509 -in "$file" -noout || fail "what $BUNDLES has for $region is not a bundle of certificates"
  done
  rm -f "$place"/rds-*.crt
  install -m 0644 "$work"/rds-*.crt "$place"
  "$update"
  log "trusting $(find "$work" -name 'rds-*.crt' | wc -l) authorities of databases in $region"
}

mkdir -p "$(dirname "$LOG")"
(main) 2>&1 | tee -a "$LOG"
