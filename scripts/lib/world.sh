# shellcheck shell=bash
# A world that nobody uses: a sandbox's control plane of its own, on which stacks are deployed only to
# see what they would be. It and all in it are gone when the shell ends.

# shellcheck source=scripts/lib/stack.sh
source "${BASH_SOURCE[0]%/*}/stack.sh"

WORLD=

# enter_world: the daemon, and this shell pointed at it.
enter_world() {
  local exports
  mkdir -p "$CACHE"
  WORLD=$(mktemp -d "$CACHE/world.XXXXXX")
  trap leave_world EXIT
  SANDBOX=$WORLD/sandbox
  export OPERATIONALIZATION_SANDBOX_HOME=$SANDBOX
  "$ROOT/scripts/sandbox" start --no-nodes >"$WORLD/start.log" || {
    cat "$WORLD/start.log" >&3
    return 1
  }
  exports=$("$ROOT/scripts/sandbox" env)
  eval "$exports"
  cd "$ROOT"
}

leave_world() {
  trap - EXIT
  "$ROOT/scripts/sandbox" stop >/dev/null 2>&1 || true
  rm -rf "$WORLD"
}

# deploy_into FOLDER STACK: deploys the stack in this world and leaves its state in FOLDER/STACK.json.
# Call it in a subshell where several run at once: it sets STACK.
deploy_into() {
  local folder=$1 log
  STACK=$2
  STACK_FILE=$ROOT/stacks/Pulumi.$STACK.yaml
  log=$WORLD/$STACK.log
  {
    copy_stack_file &&
      pulumi -C "$SANDBOX/project" stack init "$STACK" --non-interactive &&
      pulumi up --stack "$STACK" --config-file "$CONFIG" --yes --skip-preview --non-interactive &&
      pulumi stack export --stack "$STACK" >"$folder/$STACK.json.new"
  } </dev/null >"$log" 2>&1 || {
    say "stack '$STACK' could not be deployed on the sandbox:"
    tail -n 30 "$log" | sed 's/^/  | /' >&3
    return 1
  }
  mv "$folder/$STACK.json.new" "$folder/$STACK.json"
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
