#!/usr/bin/env bash
# Installs the Debian packages of the node's recipe. An image that has them all is left alone, without any network.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly POLICY=/usr/sbin/policy-rc.d

# jq may be among what is missing; Python is there wherever cloud-init is.
from_node() { python3 -c 'import json, sys; v = json.load(open(sys.argv[1]))[sys.argv[2]]; print(v if isinstance(v, str) else "\n".join(v))' "$NODE" "$1"; }

# One question for all packages, because each takes dpkg a moment. It complains of those that it never heard of.
installed() { dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'; }

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --option DPkg::Lock::Timeout=300 --option Acquire::Retries=3 \
    --option Dpkg::Options::=--force-confold --option Dpkg::Use-Pty=0 "$@"
}

install() { apt update && apt install --yes --no-install-recommends "${missing[@]}"; }

mapfile -t wanted < <(from_node packages)
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | grep --line-regexp --invert-match --fixed-strings --file <(installed "${wanted[@]}"))
if ((${#missing[@]} == 0)); then
  log "all ${#wanted[@]} packages are there"
  exit 0
fi
[[ $(from_node egress) == packages ]] ||
  fail "the image lacks ${missing[*]} and access.egress is none: use an image that has them"

# A package must not start its service: the node's own units do, once it is configured.
created=
if [[ ! -e $POLICY ]]; then
  created=yes
  trap '[[ -z $created ]] || rm -f "$POLICY"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 0755 "$POLICY"
fi
log "installing ${missing[*]}"
retry 600 install || fail "apt could not install ${missing[*]}"
