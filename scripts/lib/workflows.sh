# shellcheck shell=bash
# What judges the pipelines: actionlint, which knows GitHub's expressions and gives what is between them
# to shellcheck; zizmor, which looks for what an attacker would use; and the schemas of both platforms.
#
# actionlint has no wheel: what PyPI has downloads a program while it is installed. So it is built from
# Go modules, as the engine is, each verified by scripts/lint/actionlint/go.sum.

# shellcheck source=scripts/lib/engine.sh
source "${BASH_SOURCE[0]%/*}/engine.sh"

readonly ACTIONLINT_GO=1.25 # the oldest that its modules ask for

actionlint_wanted() { ACTIONLINT=$CACHE/actionlint/$(digest scripts/lint/actionlint/*.go scripts/lint/actionlint/go.*); }

build_actionlint() {
  rm -rf "$ACTIONLINT.new"
  mkdir -p "$ACTIONLINT.new"
  (
    cd "$ROOT/scripts/lint/actionlint"
    env GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOFLAGS="-mod=readonly -modcacherw -buildvcs=false" \
      "$GO" build -trimpath -ldflags "-s -w" -o "$ACTIONLINT.new/actionlint" github.com/rhysd/actionlint/cmd/actionlint
  )
  # Whole or not there.
  rm -rf "$ACTIONLINT"
  mv "$ACTIONLINT.new" "$ACTIONLINT"
}

ensure_actionlint() {
  local folder
  actionlint_wanted
  [[ ! -x $ACTIONLINT/actionlint ]] || return 0
  find_go "$ACTIONLINT_GO"
  step "actionlint, built from Go modules" build_actionlint
  for folder in "$CACHE"/actionlint/*; do
    [[ $folder == "$ACTIONLINT" ]] || rm -rf "$folder"
  done
}

# lint_github FOLDER: GitHub's pipelines in FOLDER/workflows and FOLDER/actions. Nobody is asked anything: an
# action's newest version and the like are for whoever renews the pins.
lint_github() {
  local workflows=("$1"/workflows/*.yml) actions=("$1"/actions/*/action.yml) status=0
  "$ACTIONLINT/actionlint" -shellcheck "$ROOT/.venv/bin/shellcheck" -pyflakes '' "${workflows[@]}" || status=1
  check-jsonschema --builtin-schema vendor.github-workflows "${workflows[@]}" || status=1
  [[ ! -e ${actions[0]} ]] || check-jsonschema --builtin-schema vendor.github-actions "${actions[@]}" || status=1
  zizmor --offline --no-progress --color never --persona pedantic --config "$ROOT/scripts/lint/zizmor.yml" "$1" || status=1
  return "$status"
}

# lint_azure FOLDER: Azure's pipelines there, by the schema that editors use and by rules of ours.
lint_azure() { python -m scripts.lib.azure_pipelines "$1"; }

check_pipelines() {
  local status=0
  lint_github .github || status=1
  # One a cloud: they differ in how they sign in.
  lint_github templates/azure-one-box/.github || status=1
  lint_github templates/aws-one-box/.github || status=1
  lint_azure pipelines || status=1
  return "$status"
}
