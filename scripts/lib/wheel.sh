# shellcheck shell=bash
# The library's wheel: what projects elsewhere install. Its name has a digest of what is in it, so it
# is built only when that is another one. hatchling has an environment of its own, whole or not there.

# shellcheck source=scripts/lib/python.sh
source "${BASH_SOURCE[0]%/*}/python.sh"

WHEELS=$CACHE/wheel

wheel_builder() { BUILDER=$CACHE/wheel/builder/$(digest scripts/requirements/wheel.txt); }

make_builder() {
  rm -rf "$WHEELS/builder"
  "$PYTHON" -m venv "$BUILDER"
  "$BUILDER/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes \
    --only-binary :all: -r "$ROOT/scripts/requirements/wheel.txt" ||
    fail "hatchling could not be installed" "$BUILDER" "pip's last words are above" \
      "check the network (pip follows PIP_INDEX_URL and pip.conf), then run scripts/wheel again"
  printf '%s\n' "$BUILDER" >"$BUILDER/.complete"
}

pack() {
  rm -rf "$WHEELS/new"
  (cd "$ROOT" && "$BUILDER/bin/hatchling" build -t wheel -d "$WHEELS/new")
  rm -f "$WHEELS"/*.whl
  mv "$WHEELS"/new/*.whl "$WHEELS/"
}

# ensure_wheel: leaves its path in WHEEL.
ensure_wheel() {
  local version
  wheel_builder
  if [[ ! -r $BUILDER/.complete || $(<"$BUILDER/.complete") != "$BUILDER" ]]; then
    find_python
    step "What builds the wheel" make_builder
  fi
  version=$("$BUILDER/bin/python" -B "$ROOT/scripts/lib/distribution.py" version)
  WHEEL=$WHEELS/operationalization-$version-py3-none-any.whl
  [[ -e $WHEEL ]] || step "The library's wheel" pack
  [[ -e $WHEEL ]] || fail "the wheel has another name" "$WHEELS" "expected ${WHEEL##*/}" "rm -rf '$WHEELS', then run scripts/wheel again"
}

# bring_wheel FOLDER: the project there gets the wheel, and the requirements that go with it.
bring_wheel() {
  mkdir -p "$1/wheels"
  rm -f "$1"/wheels/operationalization-*.whl
  cp "$WHEEL" "$1/wheels/"
  "$BUILDER/bin/python" -B "$ROOT/scripts/lib/distribution.py" lock "$WHEEL" >"$1/requirements.txt.new"
  mv "$1/requirements.txt.new" "$1/requirements.txt"
}
