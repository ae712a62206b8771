#!/usr/bin/env bash
# Installs the system's packages of the node's recipe, with apt or yum. An image that has them all is left alone, without
# any network.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly POLICY=/usr/sbin/policy-rc.d

# One question for all packages, because each takes dpkg a moment. Both complain of those that they never heard of.
installed() {
  if type -P dpkg-query >/dev/null; then
    dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'
  else
    rpm --query --queryformat '%{NAME}\n' "$@" 2>/dev/null | grep -v ' ' || true
  fi
}

# shellcheck disable=SC2329 # `retry` calls it
with_apt() {
  local apt=(apt-get --quiet=2 --option Acquire::Retries=3 --option Dpkg::Options::=--force-confold --option Dpkg::Use-Pty=0)
  DEBIAN_FRONTEND=noninteractive "${apt[@]}" update &&
    DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --yes --no-install-recommends "$@"
}

# A repository's own package comes first: the others may be in that repository.
# shellcheck disable=SC2329 # `retry` calls it
with_yum() {
  local name
  for name; do
    [[ $name != epel-release ]] || yum --assumeyes --quiet install epel-release || return 1
  done
  yum --assumeyes --quiet install "$@"
}

mapfile -t wanted < <(node .packages)
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | grep -vxFf <(installed "${wanted[@]}"))
if ((${#missing[@]} == 0)); then
  log "all ${#wanted[@]} packages are there"
  exit 0
fi
[[ $(node .egress) == packages ]] ||
  fail "the image lacks ${missing[*]} and access.egress is none: use an image that has them"

log "installing ${missing[*]}"
if type -P yum >/dev/null; then
  retry 600 with_yum "${missing[@]}" || fail "yum could not install ${missing[*]}"
  exit 0
fi
# A package must not start its service: the node's own units do, once it is configured.
created=
if [[ ! -e $POLICY ]]; then
  created=yes
  trap '[[ -z $created ]] || rm -f "$POLICY"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 0755 "$POLICY"
fi
retry 600 with_apt "${missing[@]}" || fail "apt could not install ${missing[*]}"
