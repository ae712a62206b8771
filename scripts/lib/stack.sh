# shellcheck shell=bash
# What up, preview and destroy share: a stack on the sandbox, through the real Pulumi.
#
# Pulumi writes a salt into the stack file that it is given. The sandbox's has no place in
# stacks/, so Pulumi gets a copy under the sandbox's folder; stacks/ is only ever read.

# shellcheck disable=SC2034 # POLICIES, YES and UNPROTECT are for scripts

# shellcheck source=scripts/lib/project.sh
source "${BASH_SOURCE[0]%/*}/project.sh"

SANDBOX=${OPERATIONALIZATION_SANDBOX_HOME:-$CACHE/sandbox}
PROGRAM=$(realpath -m -- "${OPERATIONALIZATION_PROJECT:-$ROOT}") # this project, or one that scripts/new made
[[ $PROGRAM == "$ROOT" ]] || export OPERATIONALIZATION_PROJECT=$PROGRAM
STACKS=${OPERATIONALIZATION_STACKS:-$PROGRAM/stacks} # the folder of the stack files
STACK=dev
YES=
UNPROTECT=
SAMPLE=
POLICIES=()
PULUMI_ARGUMENTS=()

# parse_stack_options [--unprotect | --sample] -- ARGUMENTS...: the command line; --unprotect, and
# --sample with --no-sample and --no-wait, only where offered.
parse_stack_options() {
  local offered=
  if [[ $1 != -- ]]; then
    offered=$1
    shift
  fi
  shift
  while (($#)); do
    case $1 in
      -s | --stack)
        STACK=$(value_of "$@") || exit 2
        shift
        ;;
      --stack=*) STACK=${1#*=} ;;
      -y | --yes) YES=1 ;;
      --unprotect) if [[ $offered == "$1" ]]; then UNPROTECT=1; else refuse "unknown option: $1"; fi ;;
      --sample | --no-sample | --no-wait) if [[ $offered == --sample ]]; then SAMPLE=$1; else refuse "unknown option: $1"; fi ;;
      -h | --help)
        usage_of "$0"
        exit 0
        ;;
      --)
        shift
        PULUMI_ARGUMENTS=("$@")
        break
        ;;
      *) refuse "unknown option: $1" ;;
    esac
    shift
  done
  [[ $STACK =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$ ]] || refuse "not a stack's name: $STACK"
  STACK_FILE=$STACKS/Pulumi.$STACK.yaml
  [[ -r $STACK_FILE ]] ||
    fail "no stack '$STACK'" "$STACK_FILE" "there is no such file" "take one of: $(known_stacks)"
}

known_stacks() {
  local file names=()
  for file in "$STACKS"/Pulumi.*.yaml; do
    [[ -e $file ]] || continue
    file=${file##*/Pulumi.}
    names+=("${file%.yaml}")
  done
  printf '%s' "${names[*]:-(none yet)}"
}

# The engine, the daemon, and this shell pointed at both.
enter_sandbox() {
  "$ROOT/scripts/setup"
  "$ROOT/scripts/sandbox" start >&2
  local exports
  exports=$("$ROOT/scripts/sandbox" env)
  eval "$exports"
  cd "$PROGRAM"
}

# A project folder for the sandbox's own copies of stack files, and the chosen stack's.
find_copy() {
  COPY=$SANDBOX/project
  [[ $PROGRAM == "$ROOT" ]] || COPY=$SANDBOX/projects/$(project_name)
  CONFIG=$COPY/stacks/Pulumi.$STACK.yaml
}

# of_this_repository NAME: refuses where a script knows no project elsewhere.
of_this_repository() {
  [[ $PROGRAM == "$ROOT" ]] || refuse "scripts/$1 is for the stacks of this repository, not of OPERATIONALIZATION_PROJECT"
}

copy_stack_file() {
  local kept=
  find_copy
  if grep -Eq '(^|[{[:space:]])secure:' "$STACK_FILE"; then
    fail "stack '$STACK' holds encrypted values" "$STACK_FILE" "only its own backend can decrypt them; the sandbox has a key of its own" \
      "leave them out (passwords are then generated), or try the stack under another name without them"
  fi
  mkdir -p "$COPY/stacks"
  cp "$PROGRAM/Pulumi.yaml" "$COPY/Pulumi.yaml"
  [[ ! -e $CONFIG ]] || kept=$(grep '^encryptionsalt:' "$CONFIG" || true)
  {
    grep -Ev '^(encryptionsalt|encryptedkey|secretsprovider):' "$STACK_FILE" || true
    [[ -z $kept ]] || printf '%s\n' "$kept"
  } >"$CONFIG.new"
  mv "$CONFIG.new" "$CONFIG"
}

# The folder of the file backend: a URL holds blanks and the like as %20.
backend_folder() {
  local path=${PULUMI_BACKEND_URL#file://}
  printf '%b' "${path//%/\\x}"
}

# pulumi_works PID: whether the process is there and is a pulumi. One that was killed has its name until
# its parent takes note of its end, and does nothing any more.
pulumi_works() {
  local found
  if [[ -r /proc/$1/stat ]]; then
    # pid (name) state ...: the name may hold anything.
    found=$(<"/proc/$1/stat") 2>/dev/null || return 1
    [[ ${found##*) } != [ZX]* && $found == *\(*pulumi*\)* ]]
  else
    found=$(ps -o stat=,comm= -p "$1" 2>/dev/null) && [[ $found != Z* && $found == *pulumi* ]]
  fi
}

# A killed pulumi leaves its lock in the file backend. It goes when its process is gone, never else.
drop_stale_locks() {
  local lock pid
  for lock in "$(backend_folder)"/.pulumi/locks/organization/*/"$STACK"/*.json; do
    [[ -e $lock ]] || continue
    pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$lock")
    if [[ $pid ]] && pulumi_works "$pid"; then
      fail "stack '$STACK' is in use" "$lock" "pulumi (process $pid) is at work on it" "wait for it, or stop it: kill -INT $pid"
    fi
    say "process ${pid:-unknown}, which had locked stack '$STACK', is gone: its lock is removed"
    say "what it was doing may be half done; this run looks at what is really there and goes on from that"
    rm -f "$lock"
  done
}

select_stack() {
  copy_stack_file
  drop_stale_locks
  pulumi -C "$COPY" stack select --create "$STACK" >&2
}

# An update that was killed leaves creations of which Pulumi doesn't know how they ended. The sandbox
# does: what exists is imported into the state, the rest is forgotten. (On a real cloud you look
# yourself, and say so with the same options of pulumi refresh.)
settle_pending_creations() {
  local found urn id words=()
  found=$("$ROOT/scripts/sandbox" orphans --pending --stack "$STACK")
  [[ $found ]] || return 0
  say "an update of stack '$STACK' was killed while it created:"
  while read -r urn id; do
    if [[ $id ]]; then
      words+=(--import-pending-creates "$urn" --import-pending-creates "$id")
      say "  ${urn##*::}: it exists, and comes into the state"
    else
      say "  ${urn##*::}: it does not exist, and is forgotten"
    fi
  done <<<"$found"
  run_pulumi refresh --yes --skip-preview --clear-pending-creates "${words[@]}" --stack "$STACK" --config-file "$CONFIG" >&2
}

# The name of the project, as it stands in its file.
project_name() { sed -n 's/^name: *["'"'"']\{0,1\}\([A-Za-z0-9_.-]*\).*/\1/p' "$PROGRAM/Pulumi.yaml"; }

stack_exists() { [[ -e $(backend_folder)/.pulumi/stacks/$(project_name)/$STACK.json ]]; }

# run_pulumi ARGUMENTS...: Pulumi with its own display. One Ctrl-C reaches it once: it ends what is
# under way in good order, and this script then ends with 130.
run_pulumi() {
  local status=0
  INTERRUPTED=
  if [[ -t 0 && -t 1 ]]; then
    # In front of the terminal, which Pulumi sets up for its display and which hands it Ctrl-C.
    trap 'INTERRUPTED=1' INT TERM
    pulumi "$@" || status=$?
  else
    set -m
    pulumi "$@" </dev/null &
    local job=$!
    set +m
    # shellcheck disable=SC2064 # the number of now
    trap "INTERRUPTED=1; kill -INT $job 2>/dev/null || true" INT TERM HUP
    # wait returns early for a trap; ask again until Pulumi has ended.
    while :; do
      status=0
      wait "$job" || status=$?
      kill -0 "$job" 2>/dev/null || break
    done
  fi
  end_at_interrupt
  if [[ $INTERRUPTED ]]; then
    say "interrupted: what Pulumi had begun is in its state; run the same command to go on, or scripts/destroy"
    exit 130
  fi
  return "$status"
}

# hold_to_policies: leaves in POLICIES the option that has the engine ask the policy pack (policies/).
hold_to_policies() { POLICIES=(--policy-pack "$ROOT/policies"); }

# hold_update_to_policies: the same for an update of a stack with `protection: true`, which then begins
# with a preview: a rule about the whole stack is asked at the end, when an update has happened.
hold_update_to_policies() {
  local found
  found=$(PYTHONPATH=$ROOT "$ROOT/.venv/bin/python" "$ROOT/scripts/lib/protection.py" "$STACK_FILE")
  if [[ $found ]]; then hold_to_policies; else POLICIES=(--skip-preview); fi
}

# on_stack COMMAND ARGUMENTS...: a Pulumi operation on the selected stack.
on_stack() {
  local command=$1
  shift
  run_pulumi "$command" --stack "$STACK" --config-file "$CONFIG" "$@" "${PULUMI_ARGUMENTS[@]}"
}
