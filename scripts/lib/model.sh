# shellcheck shell=bash
# Whether a model folder can become a service, found out before anything is deployed.

# shellcheck source=scripts/lib/r.sh
source "${BASH_SOURCE[0]%/*}/r.sh"

# check_model FOLDER: stops unless the folder has all its parts, and its function loads where no
# package is attached and answers request.json as answer.json says. It runs in the R of the
# sandbox's image, which has the release that the container has; else in the Rscript on PATH.
check_model() {
  local folder=$1
  check_model_parts "$folder" || exit 1
  find_image
  if [[ $IMAGE ]] || { have Rscript && Rscript -e 'loadNamespace("jsonlite")' >/dev/null 2>&1; }; then
    check_model_function "$folder"
  else
    say "$folder: whether its function loads is not checked: $NO_IMAGE, and there is no Rscript with jsonlite on PATH"
  fi
}

# The parts, and what they say of each other.
check_model_parts() {
  [[ -x $ROOT/.venv/bin/python ]] ||
    fail "the model cannot be checked" "$1" "nothing is set up yet" "run scripts/setup"
  PYTHONPATH=$ROOT "$ROOT/.venv/bin/python" -c '
import sys
from pathlib import Path
from model_folders import reading
from model_folders.problems import FolderError
try:
    reading.read(Path(sys.argv[1]))
except FolderError as error:
    sys.exit(str(error))' "$1" >&3 2>&3
}

# The function itself, on a copy of the folder: nothing of it is written to.
check_model_function() {
  local work said status=0
  work=$(mktemp -d)
  mkdir "$work/model"
  cp -L "$1"/{model.rds,service.json,request.json,answer.json} "$work/model/"
  cp "$ROOT/container/check_model.R" "$ROOT/server/worker/service.R" "$work/"
  if [[ $IMAGE ]]; then
    said=$(image_rscript "$work" check_model.R model 2>&1) || status=$?
  else
    said=$(cd "$work" && LC_ALL=C.UTF-8 Rscript --vanilla check_model.R model 2>&1) || status=$?
  fi
  rm -rf "$work"
  ((status == 0)) ||
    fail "the model cannot be deployed" "$1" "$said" "correct train.R and run scripts/train $1, or correct the file that is named"
}

# check_models_of STACK_FILE: the same for each model that a managed endpoint of the stack deploys,
# which stack files name by their folders in PROGRAM (scripts/lib/stack.sh).
# What is wrong with the settings themselves is for the program to say.
check_models_of() {
  local models model
  grep -qs managed-endpoint "$1" "${1%/*}"/bases/* || return 0
  mapfile -t models < <(PYTHONPATH=$ROOT "$ROOT/.venv/bin/python" -c '
import sys
from pathlib import Path
from components import settings
try:
    found = settings.parse_file(Path(sys.argv[1]))
except settings.SettingsError:
    sys.exit()
endpoint = getattr(found, "endpoint", None)
print(*sorted({each.model for each in endpoint.deployments.values()} if endpoint else ()), sep="\n")' "$1")
  for model in "${models[@]}"; do
    [[ ! $model ]] || (cd "$PROGRAM" && check_model "$model")
  done
}
