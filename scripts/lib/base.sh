# shellcheck shell=bash
# What another revision of this project would have deployed: put up on a sandbox without nodes that exists
# for this only, so that a pull request shows what it would replace, without any cloud.
#
# A base is kept under .cache/bases/KEY; the key is of all that makes it: the revision's program and stack
# file, and the sandbox of this tree. A preview works on a copy, with a daemon of its own: several may run.

# shellcheck source=scripts/lib/world.sh
source "${BASH_SOURCE[0]%/*}/world.sh"

readonly BASES=$CACHE/bases
readonly BASES_KEPT=20
# What of a revision decides what is deployed.
readonly PROGRAM_OF=(Pulumi.yaml __main__.py components operationalization server model_folders models container
  stacks requirements.txt)

# enter_base REVISION: this shell is pointed at a sandbox that has what the revision would have deployed of
# STACK; OPTIONS gets the words for the report.
enter_base() {
  local revision commit key base exports
  revision=$1
  have git || fail "git is not there" "PATH" "--against reads another revision with it" "install git"
  commit=$(git -C "$ROOT" rev-parse --verify --quiet --end-of-options "$revision^{commit}") ||
    fail "no revision '$revision'" "$ROOT" "git does not know it" \
      "name a branch, a tag or a commit that is here: git fetch brings what is elsewhere"
  key=$(base_key "$commit")
  base=$BASES/$key
  make_world
  mkdir -p "$BASES"
  [[ -r $base/complete ]] || make_base "$commit" "$base"
  # Used last, kept longest.
  touch "$base/complete"
  cp -a "$base/home" "$WORLD/preview"
  SANDBOX=$WORLD/preview
  export OPERATIONALIZATION_SANDBOX_HOME=$SANDBOX
  "$ROOT/scripts/sandbox" start --no-nodes >/dev/null
  exports=$("$ROOT/scripts/sandbox" env)
  eval "$exports"
  OPTIONS+=(--against "what $revision (${commit:0:12}) would have deployed")
  if [[ $(<"$base/complete") == new ]]; then
    OPTIONS+=(--note "the stack is new: $revision has none of that name")
  fi
}

base_key() {
  {
    printf '%s\n' "$STACK"
    git -C "$ROOT" ls-tree "$1" -- "${PROGRAM_OF[@]}"
    (cd "$ROOT" && find sandbox -name '*.py' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    digest requirements.txt scripts/lib/base.sh
  } | sha256sum | cut -c1-20
}

# make_base COMMIT FOLDER: whole or not at all.
make_base() {
  local tree=$WORLD/tree home=$WORLD/base new=$WORLD/new there
  mkdir -p "$tree" "$new"
  # An older revision has less.
  mapfile -t there < <(git -C "$ROOT" ls-tree --name-only "$1" -- "${PROGRAM_OF[@]}")
  git -C "$ROOT" archive --format=tar "$1" -- "${there[@]}" | tar -x -C "$tree"
  if [[ ! -r $tree/stacks/Pulumi.$STACK.yaml ]]; then
    step "Base: there is no stack '$STACK' in ${1:0:12}" new_home "$home"
    printf 'new\n' >"$new/complete"
  else
    cmp -s "$tree/requirements.txt" "$ROOT/requirements.txt" ||
      say "that revision pins other packages; it is run with those of this tree"
    ln -s "$(realpath "$ROOT/.venv")" "$tree/.venv"
    step "Base: stack '$STACK' as of ${1:0:12}" deploy_base "$tree" "$home"
    printf 'deployed\n' >"$new/complete"
  fi
  rm -rf "$tree"
  mv "$home" "$new/home"
  # Another preview may have made the same meanwhile.
  mv -T "$new" "$2" 2>/dev/null || rm -rf "$new"
  forget_old_bases
}

forget_old_bases() {
  local old
  # shellcheck disable=SC2012 # names are hexadecimal numbers
  ls -t "$BASES"/*/complete 2>/dev/null | tail -n +$((BASES_KEPT + 1)) | while read -r old; do
    rm -rf "${old%/complete}"
  done
}

new_home() {
  export OPERATIONALIZATION_SANDBOX_HOME=$1
  "$ROOT/scripts/sandbox" start --no-nodes && "$ROOT/scripts/sandbox" stop
}

# deploy_base TREE HOME: in a shell of its own (step).
deploy_base() {
  local exports
  SANDBOX=$2
  STACKS=$1/stacks
  STACK_FILE=$STACKS/Pulumi.$STACK.yaml
  export OPERATIONALIZATION_SANDBOX_HOME=$SANDBOX
  # Nobody needs its state at each step: a base that is cut short is made anew.
  export PULUMI_SKIP_CHECKPOINTS=true
  "$ROOT/scripts/sandbox" start --no-nodes
  exports=$("$ROOT/scripts/sandbox" env)
  eval "$exports"
  find_family "$STACK_FILE"
  select_stack
  set_family_secrets
  cd "$1"
  pulumi up --stack "$STACK" --config-file "$CONFIG" --yes --skip-preview --non-interactive
  "$ROOT/scripts/sandbox" stop
}
