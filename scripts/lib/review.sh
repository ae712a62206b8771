# shellcheck shell=bash
# What review and expire share: environments that come and go, on the sandbox or, with CLOUD set, on the
# user's own backend.
#
# Their stack files are made, not kept: in a folder of their own, which is a project to Pulumi, so that it
# writes nothing into stacks/.

# shellcheck source=scripts/lib/stack.sh
source "${BASH_SOURCE[0]%/*}/stack.sh"

# enter_reviews: this shell pointed at the backend; REVIEWS is the folder.
enter_reviews() {
  if [[ $CLOUD ]]; then
    # Your own Pulumi; ours where there is none.
    export PATH=$PATH:$ENGINE
    REVIEWS=${OPERATIONALIZATION_REVIEWS:-$CACHE/review}
  else
    enter_sandbox
    REVIEWS=$SANDBOX/reviews
  fi
  mkdir -p "$REVIEWS/stacks"
  cp "$ROOT/Pulumi.yaml" "$REVIEWS/Pulumi.yaml"
  cd "$ROOT"
}

# review COMMAND ARGUMENTS...: a command of operations/review.
review() { PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} "$ROOT/.venv/bin/python" -m operations.review "$@"; }

# stacks_of_backend: a name a line. A backend that serves several projects lists ours alone.
stacks_of_backend() {
  pulumi -C "$REVIEWS" stack ls --json --non-interactive </dev/null |
    "$ROOT/.venv/bin/python" -c 'import json, sys; print("\n".join(each["name"] for each in json.load(sys.stdin)))'
}

review_exists() { stacks_of_backend | grep -Fxq -- "$STACK"; }

# put_review_up: brings STACK up to its file. Standard output ends with where it answers.
put_review_up() {
  local file=$REVIEWS/stacks/Pulumi.$STACK.yaml
  if [[ ! $CLOUD ]]; then
    OPERATIONALIZATION_STACKS=$REVIEWS/stacks "$ROOT/scripts/up" --stack "$STACK" --no-sample --yes
    return
  fi
  pulumi -C "$REVIEWS" stack select --create "$STACK" --non-interactive >&2
  run_pulumi up --stack "$STACK" --config-file "$file" --yes --skip-preview >&2
  pulumi stack output endpoint --stack "$STACK" --non-interactive </dev/null
}

# take_review_down: what STACK has, then its state. Its file may be another machine's: what must be known is in
# the state. Also called where bash goes on after a failure.
take_review_down() {
  local file=$REVIEWS/stacks/Pulumi.$STACK.yaml
  if [[ ! $CLOUD ]]; then
    OPERATIONALIZATION_STACKS=$SANDBOX/project/stacks "$ROOT/scripts/destroy" --stack "$STACK" --yes ${UNPROTECT:+--unprotect} || return
  else
    [[ ! $UNPROTECT ]] || pulumi state unprotect --all --yes --stack "$STACK" >&2 || return
    # Without one Pulumi would begin a file in stacks/.
    [[ -e $file ]] || printf 'config: {}\n' >"$file" || return
    run_pulumi destroy --stack "$STACK" --config-file "$file" --yes --skip-preview >&2 || return
    pulumi -C "$REVIEWS" stack rm --yes --non-interactive --stack "$STACK" >&2 || return
    say "stack '$STACK' is gone"
  fi
  rm -f "$file"
}
