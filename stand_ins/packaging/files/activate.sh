#!/bin/bash
# A stand-in for the script that ends express mode, not Microsoft's. Without -a and -l it asks for the licence.
set -euo pipefail

here=$(cd -- "$(dirname -- "$0")" && pwd -P)
accepted=
for option in "$@"; do
  case $option in
    -a | -l) accepted=y ;;
    *)
      echo "activate.sh: unknown option $option" >&2
      exit 2
      ;;
  esac
done
if [[ -z $accepted ]]; then
  read -rp "Do you accept the licence? (y/n) " accepted || true
fi
if [[ $accepted != y ]]; then
  echo "activate.sh: the licence was not accepted" >&2
  exit 1
fi
((EUID == 0)) || {
  echo "activate.sh: must be run as root" >&2
  exit 1
}
echo activated >"$here/.activated"
echo "Activated (stand-in)."
