# shellcheck shell=bash
# How scripts speak: progress to standard error, with times; one form for every error.
# Standard output stays free for what a script was asked for.

# Steps run with their output in a log; what they must say goes to the person through this.
exec 3>&2

BESIDE=    # process group of what runs beside this script
BESIDE_US= # set in there: the terminal's last line is not ours

# On a terminal a line may stand there that a counter writes again and again.
say() {
  [[ ! -t 3 ]] || printf '\r\033[K' >&3
  printf '%s\n' "$*" >&3
}

# fail WHAT WHERE WHY FIX: the one form of an error; ends the script (or the step).
fail() {
  printf 'error: %s\n  where: %s\n  why:   %s\n  fix:   %s\n' "$1" "$2" "$3" "$4" >&3
  exit 1
}

# usage_of FILE: the comment at the top of a script is its help.
usage_of() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }

# refuse WHY: a command line that makes no sense. The caller's help follows.
refuse() {
  printf 'error: %s\n\n' "$1" >&3
  usage_of "$0" >&3
  exit 2
}

# value_of OPTION [NEXT ARGUMENTS...]: the argument that an option needs.
value_of() {
  [[ $# -ge 2 && $2 != -* ]] || refuse "$1 needs a value"
  printf '%s' "$2"
}

# now, since: tenths of a second, without a process.
now() { printf -v "$1" '%s' "${EPOCHREALTIME/[.,]/}"; }

since() {
  local end
  now end
  local tenths=$(((end - $1) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# Shows that a long step lives: on a terminal a counter, elsewhere a line each 30 seconds.
tick() {
  local what=$1 seconds=0
  while sleep 1; do
    seconds=$((seconds + 1))
    if [[ -t 3 && ! $BESIDE_US ]]; then
      printf '\r%s ... %d s' "$what" "$seconds" >&3
    elif ((seconds % 30 == 0)); then
      say "$what ... $seconds s"
    fi
  done
}

# end_group PID SIGNAL: ends a background job and all it started; says nothing if it is gone.
end_group() { kill "-$2" -- "-$1" 2>/dev/null || true; }

# end_at_interrupt: Ctrl-C ends the script. By itself bash goes on where the command that it waits for
# ended well all the same, as one does that had just finished.
end_at_interrupt() {
  trap 'exit 130' INT
  trap - TERM HUP
}

# step WHAT COMMAND...: runs COMMAND with its output in a log, shows life and the time it took.
# Call it plainly, never in a condition, where bash would ignore errors inside COMMAND.
# A failure shows the end of the log. Ctrl-C ends the step with all it started, then the script.
step() {
  local what=$1 start status=0 job ticker log
  shift
  now start
  log=$CACHE/log/${what//[^A-Za-z0-9]/-}.log
  mkdir -p "$CACHE/log"
  if [[ -t 3 && ! $BESIDE_US ]]; then printf '%s ...' "$what" >&3; else say "$what ..."; fi
  set -m
  (
    set +m -e
    "$@"
  ) >"$log" 2>&1 </dev/null &
  job=$!
  tick "$what" >/dev/null 2>&1 &
  ticker=$!
  set +m
  # shellcheck disable=SC2064 # the numbers of now, not of later
  trap "end_group $job INT; end_group $ticker TERM; wait $job 2>/dev/null || true; exit 130" INT TERM HUP
  wait "$job" || status=$?
  end_at_interrupt
  end_group "$ticker" TERM
  wait "$ticker" 2>/dev/null || true
  if ((status != 0)); then
    say "$what failed after $(since "$start"); the whole log: $log"
    tail -n 20 "$log" | sed 's/^/  | /' >&3
    return "$status"
  fi
  say "$what: $(since "$start")"
}

# beside COMMAND...: begins what runs beside all that follows, until join_beside. One at a time.
# Whatever ends the script before that ends it too, and waits until it has ended.
beside() {
  trap 'end_group "$BESIDE" TERM; wait "$BESIDE" 2>/dev/null || true' EXIT
  set -m
  (
    set +m -e
    BESIDE_US=1
    "$@"
  ) </dev/null &
  BESIDE=$!
  set +m
}

# join_beside: waits for it; its status.
join_beside() {
  local status=0
  wait "$BESIDE" || status=$?
  trap - EXIT
  return "$status"
}
