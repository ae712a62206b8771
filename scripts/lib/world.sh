# shellcheck shell=bash
# Worlds that nobody uses: a sandbox's control plane of its own for each stack, on which the stack is
# deployed only to see what it would be. One each, as teams have accounts: quotas are the account's.
# They and all in them are gone when the shell ends.

# shellcheck source=scripts/lib/stack.sh
source "${BASH_SOURCE[0]%/*}/stack.sh"

WORLD=

# make_world: the folder for all of them.
make_world() {
  mkdir -p "$CACHE"
  WORLD=$(mktemp -d "$CACHE/world.XXXXXX")
  trap leave_world EXIT
  end_at_interrupt
}

leave_world() {
  local home
  trap - EXIT
  # A second Ctrl-C would leave a daemon behind.
  trap '' INT TERM HUP
  for home in "$WORLD"/*/daemon.json; do
    [[ ! -e $home ]] || OPERATIONALIZATION_SANDBOX_HOME=${home%/*} "$ROOT/scripts/sandbox" stop >/dev/null 2>&1 || true
  done
  rm -rf "$WORLD"
}

# deploy_into FOLDER STACK: deploys the stack in a world of its own and leaves its state in
# FOLDER/STACK.json.
deploy_into() {
  local log=$WORLD/$2.log
  (deploy_quietly "$1" "$2") >"$log" 2>&1 </dev/null && return 0
  say "stack '$2' could not be deployed on the sandbox:"
  tail -n 30 "$log" | sed 's/^/  | /' >&3
  return 1
}

# In a shell of its own, as it points that one at the stack's world.
# shellcheck disable=SC2030,SC2031 # hence what it sets is local
deploy_quietly() {
  local target=$1/$2.json exports
  STACK=$2
  STACK_FILE=$STACKS/Pulumi.$STACK.yaml
  SANDBOX=$WORLD/$STACK
  export OPERATIONALIZATION_SANDBOX_HOME=$SANDBOX
  # A world is thrown away if anything ends: nobody needs its state at each step, which takes longer
  # than all else.
  export PULUMI_SKIP_CHECKPOINTS=true
  "$ROOT/scripts/sandbox" start --no-nodes &&
    exports=$("$ROOT/scripts/sandbox" env) && eval "$exports" && cd "$ROOT" && copy_stack_file &&
    pulumi -C "$COPY" stack init "$STACK" --non-interactive &&
    pulumi up --stack "$STACK" --config-file "$CONFIG" --yes --skip-preview --non-interactive &&
    pulumi stack export --stack "$STACK" >"$target.new" &&
    mv "$target.new" "$target" &&
    "$ROOT/scripts/sandbox" stop
}

# deploy_all_into FOLDER STACK...: as many at a time as there are processors.
deploy_all_into() {
  local folder=$1 stack running=0 status=0 most
  shift
  most=$(nproc 2>/dev/null || echo 2)
  for stack in "$@"; do
    if ((running >= most)); then
      wait -n || status=1
      running=$((running - 1))
    fi
    deploy_into "$folder" "$stack" &
    running=$((running + 1))
  done
  while ((running > 0)); do
    wait -n || status=1
    running=$((running - 1))
  done
  return "$status"
}
