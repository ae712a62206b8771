#!/usr/bin/env bash
# download.sh NAME: brings one of the user's installers, verified, and prints where it is. A file that is there with the
# right hash is not fetched again.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly FOLDER=$KEPT/installers

# A private store wants the node's identity: on AWS it has s3:// addresses, on Azure the settings say so.
# shellcheck disable=SC2329 # `retry` calls it
fetch() {
  if [[ $url == s3://* ]] || has @.install.private; then
    ./fetch-private.sh "$url" >"$file.new"
  else
    curl -sS --fail --location --proto '=https' --proto-redir '=https' --connect-timeout 30 \
      --speed-limit 1000 --speed-time 60 --output "$file.new" "$url"
  fi
}

matches() { [[ -f $1 ]] && echo "$sha256  $1" | sha256sum --check --status -; }

name=${1:?usage: download.sh NAME}
url=$(node "@.install.files.$name.url")
sha256=$(node "@.install.files.$name.sha256")
file=$FOLDER/$sha256/${url##*/}
mkdir -p "${file%/*}"
if ! matches "$file"; then
  log "fetching $url"
  retry 900 fetch || fail "$url could not be fetched; the lines above say why"
  matches "$file.new" || fail "$url is not the file of runtime.server.installers.$name: its sha256 is $(sha256sum "$file.new" | cut -d ' ' -f 1), not $sha256"
  mv "$file.new" "$file"
fi
printf '%s\n' "$file"
