#!/usr/bin/env bash
# Finds out how this node is, and changes nothing. Input: a line of JSON with what is asked, then our programs as an
# archive in base64. Output: one line of JSON. The programs want Python 3.4 or newer, which every ready node has.
set -euo pipefail

type -P python3 >/dev/null || {
  echo "there is no Python 3 on this node: it was not configured that far" >&2
  exit 3
}
work=$(mktemp -d /var/tmp/operationalization-probe.XXXXXX)
trap 'rm -rf "$work"' EXIT
IFS= read -r asked
printf '%s\n' "$asked" >"$work/asked.json"
base64 -d | tar -xzf - -C "$work"
cd "$work"
python3 -B -m operations.diagnosis.node asked.json
