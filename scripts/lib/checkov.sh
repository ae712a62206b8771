# shellcheck shell=bash
# Checkov, the outside judge, in an environment of its own: what it depends on is none of ours.
# Built whole under .cache/checkov/HASH, as .venv is (scripts/lib/python.sh).

checkov_wanted() { CHECKOV=$CACHE/checkov/$(digest scripts/requirements/checkov.txt); }

build_checkov() {
  need_space "$CACHE" 400 "Checkov"
  rm -rf "$CHECKOV"
  "$PYTHON" -m venv "$CHECKOV"
  "$CHECKOV/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
    --require-hashes --only-binary :all: -r "$ROOT/scripts/requirements/checkov.txt" ||
    fail "Checkov could not be installed" "$CHECKOV" "pip's last words are above" \
      "check the network (pip follows PIP_INDEX_URL and pip.conf), then run scripts/scan again"
  env -u PYTHONDONTWRITEBYTECODE "$CHECKOV/bin/python" -m compileall -q -j 0 "$CHECKOV/lib" || true
  printf '%s\n' "$CHECKOV" >"$CHECKOV/.complete"
}

ensure_checkov() {
  local folder
  checkov_wanted
  [[ ! -r $CHECKOV/.complete || $(<"$CHECKOV/.complete") != "$CHECKOV" ]] || return 0
  find_python
  step "Checkov" build_checkov
  for folder in "$CACHE"/checkov/*; do
    [[ $folder == "$CHECKOV" ]] || rm -rf "$folder"
  done
}

# checkov_on FOLDER: its verdict on the exports in FOLDER, as JSON. It asks nobody: without a key of
# its platform and with --skip-download it has no reason to, and a proxy that is not there answers
# whoever tries. CKV_AZURE_45 (secrets in custom data) is left out: its patterns are for text, and take
# minutes over the compressed 35 KB that a machine has there. tests/support/searching.py looks into those.
checkov_on() {
  local nowhere=http://127.0.0.1:9
  env -u BC_API_KEY -u PRISMA_API_URL -u CKV_CHECK_HIDDEN \
    LOG_LEVEL=ERROR http_proxy=$nowhere https_proxy=$nowhere HTTP_PROXY=$nowhere HTTPS_PROXY=$nowhere \
    "$CHECKOV/bin/python" "$CHECKOV/bin/checkov" --directory "$1" --framework arm terraform_plan --skip-check CKV_AZURE_45 \
    --skip-download --output json --quiet --compact --soft-fail
}
