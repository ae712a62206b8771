#!/bin/bash
# A stand-in for R Server's installer, not Microsoft's: installs the packages beside it, which are stand-ins too.
#
#   -a  accept the licence        -s  silent          -u  unattended
#   -d  download R Open           -p  Hadoop          -m  pre-trained models (9.1)
#   -r  do not install .NET Core (9.1)                -h  this text

set -euo pipefail
cd -- "$(dirname -- "$0")"
# shellcheck source=/dev/null
source ./stand-in.env

refuse() {
  echo "install.sh: $1" >&2
  exit 1
}

accepted='' silent='' dotnet=y
while getopts "${OPTIONS:?}" option; do
  case $option in
    a) accepted=y ;;
    s | u) silent=y ;;
    d | p | m) ;;
    r) dotnet='' ;;
    h)
      sed -n '3,6s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
(($# == 0)) || refuse "unknown argument $1"
((EUID == 0)) || refuse "must be run as root"
if [[ -z $accepted ]]; then
  [[ -z $silent ]] || refuse "silent installation needs the licence accepted: -a"
  read -rp "Do you accept the licence? (y/n) " accepted || true
  [[ $accepted == y ]] || refuse "the licence was not accepted"
fi

# R Open as an archive beside the script, still packed; else what would come from the network.
r_open=DEB/${R_PACKAGE:?}.deb
if [[ -f ${R_ARCHIVE:?} ]]; then
  mkdir -p r-open
  tar -xf "$R_ARCHIVE" -C r-open || refuse "$R_ARCHIVE must be the packed archive of R Open"
  r_open=$(find r-open -name "$R_PACKAGE.deb" -print -quit)
  [[ -n $r_open ]] || refuse "$R_ARCHIVE is not the R Open that this version needs"
fi

# The older version goes first; this is not so in 9.0, whose list is empty.
old=()
for package in ${OLD_PACKAGES:-}; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]] || old+=("$package")
done
((${#old[@]} == 0)) || dpkg --purge "${old[@]}"

packages=("$r_open")
for package in ${PACKAGES:?}; do
  packages+=("DEB/$package.deb")
done
[[ -z $dotnet ]] || packages+=("DEB/${DOTNET_PACKAGE:?}.deb")
dpkg --install "${packages[@]}"
if [[ -z $dotnet ]] && ! command -v dotnet >/dev/null; then
  echo "install.sh: .NET Core was left out (-r) and is not there: install it before the nodes are set up" >&2
fi
echo "R Server was installed (stand-in)."
