# shellcheck shell=bash
# A plan that a preview saves and an update goes by: the engine then does nothing that is not in it.
# operations/saved_plan.py says what it is bound to.

# shellcheck disable=SC2034 # CLOUD and PLAN_OPTIONS are for the scripts

PLAN=
REST=()
PLAN_OPTIONS=()

# take_plan OPTION ARGUMENTS...: takes OPTION FILE out of a command line: PLAN is the file, REST the others.
take_plan() {
  local option=$1 words=()
  shift
  while (($#)) && [[ $1 != -- ]]; do
    case $1 in
      "$option")
        PLAN=$(value_of "$@") || exit 2
        shift
        ;;
      "$option"=*) PLAN=${1#*=} ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  REST=("${words[@]}" "$@")
  [[ ! $PLAN ]] || PLAN=$(realpath -m -- "$PLAN")
}

# take_cloud ARGUMENTS...: takes --cloud out of a command line in the same way.
take_cloud() {
  local words=()
  while (($#)) && [[ $1 != -- ]]; do
    if [[ $1 == --cloud ]]; then CLOUD=1; else words+=("$1"); fi
    shift
  done
  REST=("${words[@]}" "$@")
}

# plan_command STEP FILE: one step of operations/saved_plan.py on a plan of the chosen stack.
plan_command() {
  PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} "$ROOT/.venv/bin/python" -m operations.saved_plan "$1" "$2" \
    --root "$PROGRAM" --stack "$STACK" --stack-file "$STACK_FILE" --backend "${PULUMI_BACKEND_URL:-}" ${CLOUD:+--cloud}
}

# begin_plan: leaves in PLAN_OPTIONS what has a preview save its plan, beside where it belongs at the end.
begin_plan() {
  local word
  [[ $PLAN ]] || return 0
  for word in "${PULUMI_ARGUMENTS[@]}"; do
    [[ $word != --show-secrets* ]] || refuse "--show-secrets would write secrets into the plan in clear"
  done
  local folder=${PLAN%/*}/
  [[ ! -d $PLAN ]] || fail "the plan cannot be saved" "$PLAN" "it is a folder" "name a file"
  [[ -d $folder && -w $folder ]] ||
    fail "the plan cannot be saved" "$PLAN" "$folder is no folder that can be written" "name another file"
  UNSEALED=$(mktemp "$folder.plan.XXXXXX")
  # shellcheck disable=SC2064 # the name of now
  trap "rm -f '${UNSEALED//\'/\'\\\'\'}'" EXIT
  PLAN_OPTIONS=(--save-plan "$UNSEALED")
}

# keep_plan: the plan that the preview saved, bound to what it was made from, at its place.
keep_plan() {
  [[ $PLAN ]] || return 0
  plan_command seal "$UNSEALED" || exit 1
  mv -f "$UNSEALED" "$PLAN"
  say "the plan is saved: scripts/up${CLOUD:+ --cloud} --stack $STACK --plan $PLAN does nothing that is not in it"
}

# follow_plan: refuses a plan that is not for what would be deployed now; leaves in PLAN_OPTIONS what has
# the engine go by it. The update then begins with a preview: what the plan forbids is found before
# anything is done.
follow_plan() {
  [[ $PLAN ]] || return 0
  plan_command check "$PLAN" || exit 1
  export PULUMI_EXPERIMENTAL=true
  PLAN_OPTIONS=(--plan "$PLAN")
}

# plan_was_broken: what a person wants to know when an update with a plan has failed.
plan_was_broken() {
  [[ ! $PLAN ]] ||
    say "nothing that is not in the plan was done. To go on, make a new one and read it: scripts/preview${CLOUD:+ --cloud} --stack $STACK --save-plan $PLAN"
}
