#!/usr/bin/env bash
# What the node scripts share; sourced, never run. Takes the place of the shared library on systems without jq.

# An upgrade fetches installers that only the next version's file names: NODE_FILE is that one.
# shellcheck disable=SC2034 # the scripts that source this read them
readonly NODE=${NODE_FILE:-/etc/operationalization/node.json} RUNTIME=/run/operationalization LOG=/var/log/operationalization/configure.log
# shellcheck disable=SC2034
readonly KEPT=/var/lib/operationalization
readonly PROGRAMS=/opt/operationalization/bin

log() { printf '%s %s: %s\n' "$(date -u +%FT%TZ)" "${0##*/}" "$*" >&2; }

fail() {
  log "failed: $*"
  exit 1
}

# CentOS 7 has Python 2.7 alone until its packages are installed.
python() {
  local each
  for each in python3 python2 python; do
    if type -P "$each" >/dev/null; then
      command "$each" -B "$@"
      return
    fi
  done
  fail "there is no Python"
}

# reads COMMAND...: of the node's JSON file. Without what Python looks for in other places: this is asked often.
reads() { python -E -S "$PROGRAMS/node_json.py" "$NODE" "$@"; }

# node PATH: what the node's JSON file says, as jq prints it raw; a path with @ is in the section of the node's role.
node() { reads get "$1"; }

# rows PATH KEY...: a line for each item of a list, its parts behind tabs.
rows() { reads rows "$@"; }

# has PATH: whether there is something other than false there.
has() { node "$1" >/dev/null; }

# product COMMAND...: what only the product's own files and tools answer.
product() { python3 -B "$PROGRAMS/product.py" "$@"; }

# health_address WHICH: where this node says how it is; nothing as long as it is not said to the node itself.
health_address() {
  local scheme=http port path
  port=$(node .port) && path=$(node ".health.$1") || return
  ! has "@.listen.$(front).https" || scheme=https
  printf '%s://localhost:%s%s\n' "$scheme" "$port" "$path"
}

# answers ADDRESS: whether what is there says that it is well; a proxy's certificate names no loopback address.
answers() { curl -fsSk --max-time 5 --noproxy '*' "$1"; }

health() {
  local address
  address=$(health_address "$1") && answers "$address"
}

# The part that others call: that of web nodes on a one-box.
front() { node @.parts | tail -n 1; }

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
