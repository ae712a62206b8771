# shellcheck shell=bash
# A real browser, which the tests look at reports with: Debian's chromium-headless-shell and what this machine has
# not got of its libraries, checked by apt and taken apart in the cache. Nothing is installed, and root is not needed.

# shellcheck source=scripts/lib/project.sh
source "${BASH_SOURCE[0]%/*}/project.sh"

readonly BROWSER_PACKAGE=chromium-headless-shell
# Tools of a desktop that it depends on and never calls without one: as much again as the browser is.
readonly BROWSER_GOES_WITHOUT=(x11-utils xdg-utils)

# Names the folder of the browser in BROWSER, its program in BROWSER/browser.
browser_wanted() { BROWSER=$CACHE/browser/$(digest scripts/lib/browser.sh); }

ensure_browser() {
  local folder status
  browser_wanted
  [[ ! -x $BROWSER/browser ]] || return 0
  if ! have apt-get || ! have dpkg-deb; then
    fail "there is no browser to look at reports with" "$BROWSER" "it comes as Debian packages, and this machine has no apt-get" \
      "run the tests on Debian 12, or leave this one out: scripts/test --deselect tests/operations/capacity/test_browser.py"
  fi
  need_space "$CACHE" 600 "a browser"
  set +e
  step "a browser for the tests, from Debian packages" fetch_browser
  status=$?
  set -e
  ((status == 0)) ||
    fail "the browser could not be fetched" "Debian package $BROWSER_PACKAGE" "apt's last words are above" \
      "check the network and /etc/apt, then try again"
  for folder in "$CACHE"/browser/*; do
    [[ $folder == "$BROWSER" ]] || rm -rf "$folder"
  done
}

fetch_browser() {
  local work=$BROWSER.new package libraries
  rm -rf "$BROWSER" "$work"
  mkdir -p "$work"/{packages/partial,lists/partial,root}
  browser_status >"$work/status"
  # As a normal user, and without a word about the sandbox user _apt that cannot write here.
  local options=(-y --no-install-recommends --download-only -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Dpkg::Use-Pty=0
    -o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/packages" -o "Dir::State::status=$work/status")
  if ! apt-get "${options[@]}" install "$BROWSER_PACKAGE"; then
    # The machine's lists are missing or old: make lists of our own.
    options+=(-o "Dir::State::lists=$work/lists")
    apt-get "${options[@]}" update
    apt-get "${options[@]}" install "$BROWSER_PACKAGE"
  fi
  for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
  done
  [[ -x $work/root/usr/lib/chromium/$BROWSER_PACKAGE ]]
  rm -rf "$work"/{packages,lists,status} "$work"/*.bin
  # Fonts of the machine, and those that came along.
  cat >"$work/fonts.conf" <<CONF
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>$BROWSER/root/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$BROWSER/fonts</cachedir>
  <match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
</fontconfig>
CONF
  # Some packages keep theirs in a folder of their own.
  libraries=$(cd "$work" && find root -name '*.so*' -not -path 'root/usr/lib/chromium/*' -printf "$BROWSER/%h\n" | sort -u | paste -sd:)
  cat >"$work/browser" <<RUN
#!/usr/bin/env bash
export FONTCONFIG_FILE='$BROWSER/fonts.conf' LD_LIBRARY_PATH='$libraries'
exec '$BROWSER/root/usr/lib/chromium/$BROWSER_PACKAGE' "\$@"
RUN
  chmod +x "$work/browser"
  # Whole or not there.
  mv "$work" "$BROWSER"
}

# What apt is to take for installed: what is, without a browser that somebody put there, and what this one goes without.
browser_status() {
  local name
  awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: (chromium[a-z-]*|x11-utils|xdg-utils)\n/' /var/lib/dpkg/status
  for name in "${BROWSER_GOES_WITHOUT[@]}"; do
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: all\nMulti-Arch: foreign\nVersion: 999\n' "$name"
    printf 'Maintainer: nobody <nobody@localhost>\nDescription: left out\n\n'
  done
}
