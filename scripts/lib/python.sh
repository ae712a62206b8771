# shellcheck shell=bash
# The virtual environment: exactly what the lock files say, hash by hash.
#
# It is built whole under .cache/venv/HASH, and `.venv` is then pointed at it: whoever runs from the
# old one while it is built is not disturbed, and a build cut short leaves the old one in force.

readonly OLDEST_PYTHON=3.11

venv_wanted() {
  WANTED=$CACHE/venv/$(digest requirements.txt requirements-dev.txt)
}

venv_is_current() {
  venv_wanted
  # The marker holds the place: a moved clone has scripts that point to the old one.
  [[ -x $ROOT/.venv/bin/python && $ROOT/.venv -ef $WANTED ]] &&
    [[ -r $WANTED/.complete && $(<"$WANTED/.complete") == "$WANTED" ]]
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    have "$candidate" || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    PYTHON=$(type -P "$candidate")
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
      fail "Python cannot make a virtual environment" "$PYTHON" "its venv module is not installed" \
        "Debian, Ubuntu: sudo apt install python3-venv"
    return 0
  done
  local why="python3 is not there"
  ! have python3 || why="$(python3 --version 2>&1) is too old"
  fail "no Python $OLDEST_PYTHON or newer" "PATH=$PATH" "$why" \
    "Debian, Ubuntu: sudo apt install python3 python3-venv"
}

build_venv() {
  need_space "$CACHE" 1200 "the Python packages"
  rm -rf "$WANTED"
  "$PYTHON" -m venv "$WANTED"
  # Not a part of what is WANTED: an environment with another pip has the same packages.
  { install_into_venv -r "$ROOT/scripts/requirements/pip.txt" &&
    install_into_venv -r "$ROOT/requirements.txt" -r "$ROOT/requirements-dev.txt"; } ||
    fail "the Python packages could not be installed" "$WANTED" "pip's last words are below" \
      "check the network (pip follows PIP_INDEX_URL and pip.conf), then run scripts/setup again"
  # Without compiled files an import of the Azure SDK takes tens of seconds, and a user may have
  # PYTHONDONTWRITEBYTECODE set, which would make it so for ever. pip compiles on one core only.
  env -u PYTHONDONTWRITEBYTECODE "$WANTED/bin/python" -m compileall -q -j 0 "$WANTED/lib"
  printf '%s\n' "$WANTED" >"$WANTED/.complete"
}

# Wheels only: nothing that was downloaded runs here while it is installed.
install_into_venv() {
  "$WANTED/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
    --require-hashes --only-binary :all: "$@"
}

# Points .venv at the new environment, then drops the others.
switch_venv() {
  local folder
  if [[ -d $ROOT/.venv && ! -L $ROOT/.venv ]]; then
    mv "$ROOT/.venv" "$CACHE/venv/replaced"
  fi
  ln -sfn "${WANTED#"$ROOT/"}" "$ROOT/.venv"
  for folder in "$CACHE"/venv/*; do
    [[ $folder == "$WANTED" ]] || rm -rf "$folder"
  done
}

ensure_venv() {
  venv_is_current && return 0
  find_python
  [[ -r $WANTED/.complete && $(<"$WANTED/.complete") == "$WANTED" ]] || step "Python environment" build_venv
  switch_venv
}
