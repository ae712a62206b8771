#!/usr/bin/env bash
# What the node scripts share; sourced, never run.

# shellcheck disable=SC2034 # the scripts that source this read them
readonly NODE=/etc/operationalization/node.json RUNTIME=/run/operationalization LOG=/var/log/operationalization/configure.log

log() { printf '%s %s: %s\n' "$(date -u +%FT%TZ)" "${0##*/}" "$*" >&2; }

fail() {
  log "failed: $*"
  exit 1
}

# node FILTER: what the node's JSON file says, as jq prints it raw.
node() { jq -er "$1" "$NODE"; }

# retry SECONDS COMMAND...: runs the command until it succeeds, with pauses that double up to 30 seconds.
retry() {
  local limit=$1 deadline=$((SECONDS + $1)) pause=1
  shift
  until "$@"; do
    if ((SECONDS + pause > deadline)); then
      log "given up after $limit seconds: $*"
      return 1
    fi
    log "not yet, trying again in $pause seconds: $*"
    sleep "$pause"
    pause=$((pause < 16 ? pause * 2 : 30))
  done
}
