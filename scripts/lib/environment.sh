# shellcheck shell=bash
# What publish and score share, and up at its end: work on an environment that is deployed. Nothing is
# deployed or set up here; whatever is needed was made by scripts/up or scripts/setup.

# shellcheck source=scripts/lib/stack.sh
source "${BASH_SOURCE[0]%/*}/stack.sh"

CLOUD=

# take_environment_option ARGUMENTS...: takes --stack, --cloud or --help from the front of a command
# line, and leaves in TAKEN how many words that were: none when the option is another one.
# shellcheck disable=SC2034 # TAKEN is for the caller
take_environment_option() {
  TAKEN=1
  case $1 in
    -s | --stack)
      STACK=$(value_of "$@") || exit 2
      TAKEN=2
      ;;
    --stack=*) STACK=${1#*=} ;;
    --cloud) CLOUD=1 ;;
    -h | --help)
      usage_of "$0"
      exit 0
      ;;
    *) TAKEN=0 ;;
  esac
}

check_stack_name() {
  [[ $STACK =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$ ]] || refuse "not a stack's name: $STACK"
}

# operate COMMAND ARGUMENTS...: runs a command of operations/ on the chosen stack, in place of this
# shell: publish [--update] FOLDER, score NAME FILE, prove FOLDER (publishes, scores the folder's own
# request, compares with its answer).
operate() {
  local options=(--stack "$STACK" --sandbox-home "$SANDBOX") python=$ROOT/.venv/bin/python
  [[ ! $CLOUD ]] || options+=(--cloud)
  [[ -x $python ]] || fail "the Python environment is missing" "$ROOT/.venv" "nothing is set up yet" "run scripts/setup"
  PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m operations "${options[@]}" "$@"
}
