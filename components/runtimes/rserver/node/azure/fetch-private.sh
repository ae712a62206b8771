#!/usr/bin/env bash
# fetch-private.sh URL: a file of the user's private store, on standard output.
set -euo pipefail
cd "$(dirname "$0")"

exec ./cloud.sh file "${1:?usage: fetch-private.sh URL}"
