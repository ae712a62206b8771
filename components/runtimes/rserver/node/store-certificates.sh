#!/usr/bin/env bash
# Puts certificates into the store that .NET keeps for the web node's account: a folder of PFX files without a password,
# named by thumbprint (facts.md 12.2). Trusts the environment's authority, where web and compute nodes prove who they are.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh
umask 077

readonly SECRETS=$RUNTIME/secrets STORED=$KEPT/certificates

# Earlier versions of the product know a certificate by its subject alone: one that has been replaced must not stay.
forget_others() {
  local file
  [[ ! -f $STORED ]] || while read -r file; do
    [[ " ${kept[*]} " == *" $file "* ]] || rm -f "$folder/$file"
  done <"$STORED"
  mkdir -p "$KEPT"
  printf '%s\n' "${kept[@]}" >"$STORED"
}

store() {
  local pem=$SECRETS/$1 thumbprint
  thumbprint=$(openssl x509 -in "$pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g') ||
    fail "secret $1 does not begin with a certificate"
  kept+=("$thumbprint.pfx")
  [[ ! -f $folder/$thumbprint.pfx ]] || return 0
  openssl pkcs12 -export -passout pass: -in "$pem" -inkey "$pem" -out "$folder/$thumbprint.pfx.new"
  chown "$user" "$folder/$thumbprint.pfx.new"
  mv "$folder/$thumbprint.pfx.new" "$folder/$thumbprint.pfx"
  touch "$RUNTIME/restart"
}

# The trust store of the system, which every .NET program reads.
trust_environment() {
  local place=/usr/local/share/ca-certificates/operationalization.crt update="update-ca-certificates"
  if type -P update-ca-trust >/dev/null; then
    place=/etc/pki/ca-trust/source/anchors/operationalization.crt
    update="update-ca-trust"
  fi
  ! cmp -s "$SECRETS/environment-ca" "$place" || return 0
  install -m 0644 "$SECRETS/environment-ca" "$place"
  "$update" >/dev/null
}

[[ ! -f $SECRETS/environment-ca ]] || trust_environment
mapfile -t names < <(node @.certificates)
((${#names[@]} > 0)) || exit 0
user=$(node @.product.webUser)
home=$(node @.product.webHome)
# The product's packages make the account; some make no home for it.
getent passwd "$user" >/dev/null || fail "the product made no account $user"
folder=$home/.dotnet/corefx/cryptography/x509stores/root
mkdir -p "$folder"
kept=()
for name in "${names[@]}"; do
  store "$name"
done
forget_others
chown -R "$user" "$home/.dotnet"
