# shellcheck shell=bash
# Where things are, and the lock that lets one script at a time change them.

# shellcheck source=scripts/lib/console.sh
source "${BASH_SOURCE[0]%/*}/console.sh"

((BASH_VERSINFO[0] >= 5)) ||
  fail "bash $BASH_VERSION is too old" "$BASH" "these scripts need bash 5" "install bash 5 and run the script with it"

ROOT=$(cd -- "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
CACHE=$ROOT/.cache
ENGINE=$CACHE/engine/bin
export ROOT CACHE ENGINE

have() { type -P "$1" >/dev/null; }

# digest FILE...: one short hash of the files' contents and names.
digest() { (cd "$ROOT" && sha256sum "$@" | sha256sum | cut -c1-16); }

# take_lock NAME: waits, with a word, until no other script works on the same thing.
# The lock lives as long as this process and what it started; a kill releases it.
take_lock() {
  mkdir -p "$CACHE" 2>/dev/null && [[ -w $CACHE ]] ||
    fail "the cache folder cannot be written" "$CACHE" "it belongs to another user, or the disk is read-only" \
      "run as the owner of $ROOT, or: sudo chown -R $(id -un) '$CACHE'"
  have flock || return 0 # macOS: one at a time is then up to the person
  exec 9>>"$CACHE/$1.lock"
  if ! flock --nonblock 9; then
    say "another $1 is at work on $ROOT; waiting for it"
    flock 9
  fi
}

# need_space FOLDER MEGABYTES WHAT: stops before a disk runs full half-way.
need_space() {
  local free
  mkdir -p "$1"
  free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
  ((free >= $2)) ||
    fail "not enough disk space for $3" "$1" "$free MB are free, $2 MB are needed" "free some space on that disk"
}

# root_or_sudo: what later steps (images, networks) prefix a command with; asks once, in words.
# root_for WHY: says why root is needed, then leaves the prefix in AS_ROOT.
root_for() {
  AS_ROOT=()
  ((EUID == 0)) && return 0
  have sudo || fail "root is needed to $1" "user $(id -un)" "sudo is not installed" "run the script as root"
  say "root is needed to $1; sudo may ask for your password"
  # shellcheck disable=SC2034 # read by the caller
  AS_ROOT=(sudo)
}
