#!/usr/bin/env bash
# Takes one piece of a file that is too long for one call. Input: the file's name, the place where the piece begins,
# and the piece in base64, each from a line of its own. Prints the sum of what is there now. A piece may come twice.
set -euo pipefail
umask 077

readonly FOLDER=/var/lib/operationalization/incoming
read -r name
read -r offset
[[ $name =~ ^[a-z0-9][a-z0-9._-]{0,99}$ && $offset =~ ^[0-9]+$ ]] || {
  echo "receive: not a name and a place" >&2
  exit 2
}
mkdir -p "$FOLDER"
file=$FOLDER/$name
touch "$file"
(($(stat -c %s "$file") >= offset)) || {
  echo "receive: a piece before $offset is missing" >&2
  exit 3
}
truncate -s "$offset" "$file"
base64 -d >>"$file"
sum=$(sha256sum "$file")
echo "${sum%% *}"
