#!/usr/bin/env bash
# Installs the product from the user's own installers, without a question (facts.md section 5). Puts files on disk and
# configures nothing. Once it is there, a later boot looks at nothing but the mark that it left.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly INSTALLED=$KEPT/installed POLICY=/usr/sbin/policy-rc.d

# .NET Core offline: the archive's content in /opt/dotnet, and a link where the product looks (facts.md section 4).
bring_dotnet() {
  local archive
  archive=$(./download.sh dotnet)
  mkdir -p /opt/dotnet
  tar --extract --file "$archive" --directory /opt/dotnet
  ln -sfn /opt/dotnet/dotnet /usr/bin/dotnet
}

# The vendor's archive: its own script, which accepts the licence (-a) and asks nothing (-s); R Open lies packed beside
# it (5.1).
run_script() {
  local archive=$1 folder options=()
  mapfile -t options < <(node @.install.options)
  tar --extract --file "$archive" --directory "$work"
  folder=$work/$(node @.install.folder)
  [[ -f $folder/install.sh ]] || fail "${archive##*/} has no $(node @.install.folder)/install.sh: is it the product's archive for Linux?"
  ! has @.install.files.r || cp "$(./download.sh r)" "$folder/"
  ! has @.install.files.dotnet || mapfile -t -O "${#options[@]}" options < <(node @.install.withoutDotnet)
  (cd "$folder" && bash ./install.sh "${options[@]}") </dev/null || fail "the product's install.sh ended with $?; its own words are above"
}

# Packages: all of the archive at once, so that their order is the package manager's concern (5.2).
install_packages() {
  local archive=$1 found
  tar --extract --file "$archive" --directory "$work"
  if type -P yum >/dev/null; then
    mapfile -t found < <(find "$work" -name '*.rpm' | sort)
    ((${#found[@]} > 0)) || fail "${archive##*/} has no .rpm: it must hold the product's packages for this system"
    yum --assumeyes --quiet install "${found[@]}" || fail "yum could not install the product's packages"
    return
  fi
  mapfile -t found < <(find "$work" -name '*.deb' | sort)
  ((${#found[@]} > 0)) || fail "${archive##*/} has no .deb: it must hold the product's packages for this system"
  chmod -R go+rX "$work" # apt reads as a user of its own
  DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --option Dpkg::Options::=--force-confold --option Dpkg::Use-Pty=0 \
    install --yes --no-install-recommends "${found[@]}" || fail "apt could not install the product's packages"
}

# Without it the product stays in express mode (5.2).
activate() {
  local command
  mapfile -t command < <(node @.install.activate)
  ((${#command[@]} == 0)) || "${command[@]}" </dev/null || fail "${command[0]} ended with $?: the product is not activated"
}

# R shells of 9.0.1 don't start without these names (section 4).
make_links() {
  local folder target name
  while IFS=$'\t' read -r folder target name; do
    [[ -e $folder/$name || -L $folder/$name ]] || ln -s "$target" "$folder/$name"
  done < <(rows @.install.links)
}

# What was installed from is gigabytes that nothing reads again. Its sum stays: in the mark, and in the node's file.
forget_installers() {
  local name
  for name in server r dotnet; do
    ! has "@.install.files.$name" || rm -rf "$KEPT/installers/$(node "@.install.files.$name.sha256")"
  done
  rmdir --ignore-fail-on-non-empty "$KEPT/installers"
}

main() {
  local archive wanted
  policy=
  wanted=$(node @.install.files.server.sha256)
  if [[ -f $INSTALLED && $(<"$INSTALLED") == "$wanted" ]]; then
    log "the product is installed"
    return
  fi
  # Products of other versions on this machine change with scripts/upgrade alone, which takes their settings along.
  [[ ! -f $INSTALLED ]] || fail "this machine has another installer's product: change it with scripts/upgrade"
  ! has @.install.files.dotnet || bring_dotnet
  archive=$(./download.sh server)
  work=$(mktemp --directory --tmpdir=/var/tmp)
  trap 'rm -rf "$work"; [[ -z $policy ]] || rm -f "$POLICY"' EXIT
  # A package must not start its service before it is configured.
  if [[ ! -e $POLICY ]]; then
    policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 0755 "$POLICY"
  fi
  log "installing $(node .product) $(node .version) from ${archive##*/}"
  case $(node @.install.kind) in
    script) run_script "$archive" ;;
    packages) install_packages "$archive" ;;
  esac
  make_links
  activate
  product path "$(front)" >/dev/null
  forget_installers
  printf '%s\n' "$wanted" >"$INSTALLED"
}

mkdir -p "$KEPT"
main
