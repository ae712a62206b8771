#!/usr/bin/env bash
# Installs the R packages that services use into the product's library, out of the user's own repository (facts.md R15,
# section 16). Before R shells start, which read that library. A later boot looks at nothing but the mark that it left; another
# version of the product has another library, and gets them anew.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly MARK=$KEPT/r-packages

# The documents' name of the product's R; where the system has it under its own name alone, that one.
find_r() { type -P Revo64 || type -P R || fail "there is no Revo64, which the product has in /usr/bin, and no R"; }

mapfile -t names < <(node @.install.packages)
wanted="$(node .product) $(node .version) $(node @.install.files.packages.sha256) ${names[*]}"
if [[ -f $MARK && $(<"$MARK") == "$wanted" ]]; then
  log "the R packages are there"
  exit 0
fi
program=$(find_r)
archive=$(./download.sh packages)
work=$(mktemp --directory --tmpdir=/var/tmp)
trap 'rm -rf "$work"' EXIT
tar --extract --no-same-owner --file "$archive" --directory "$work"
log "installing R packages: ${names[*]}"
# Everybody's shells read them, and nobody's own library counts.
umask 022
R_LIBS_USER='' "$program" --slave --no-save --no-restore --no-init-file --file=install-packages.R --args "$work" "${names[@]}" >&2 ||
  fail "R could not install ${names[*]}; its own words are above"
printf '%s\n' "$wanted" >"$MARK.new"
mv "$MARK.new" "$MARK"
