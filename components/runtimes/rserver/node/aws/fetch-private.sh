#!/usr/bin/env bash
# fetch-private.sh s3://BUCKET/KEY: a file of the user's private store, on standard output.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

exec python3 -B ./signed_call.py "$(node .region)" object "${1:?usage: fetch-private.sh S3-URI}"
