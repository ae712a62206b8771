# shellcheck shell=bash
# cloud-init's own schema, which the tests hold our user data against. Only that one file is kept;
# the package is taken apart in the cache and never installed.
# Where it cannot be had the reason is kept instead, for the tests to say.

readonly SCHEMA_IN_PACKAGE=./usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json
CLOUD_INIT=$CACHE/cloud-init
CLOUD_INIT_SCHEMA=$CLOUD_INIT/schema-cloud-config-v1.json

ensure_cloud_init_schema() {
  [[ -s $CLOUD_INIT_SCHEMA ]] && return 0
  # A reason holds for a day: a machine without network should not ask each time.
  [[ -z $(find "$CLOUD_INIT/absent" -mmin -1440 2>/dev/null) ]] || return 0
  local status
  mkdir -p "$CLOUD_INIT"
  if ! have apt-get || ! have dpkg-deb; then
    without_schema "this machine has no apt-get and dpkg-deb to fetch it with"
    return 0
  fi
  set +e
  step "cloud-init's schema, for the tests" fetch_schema
  status=$?
  set -e
  ((status == 0)) || without_schema "the Debian package cloud-init could not be fetched; set-up tries again tomorrow"
}

without_schema() {
  say "cloud-init's schema is missing: $1. The tests that need it are skipped."
  printf '%s\n' "$1" >"$CLOUD_INIT/absent"
}

fetch_schema() {
  local work=$CLOUD_INIT/work package
  rm -rf "$work" && mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
  cd "$work"
  # As a normal user, and without a word about the sandbox user _apt that cannot write here.
  local options=(-o APT::Sandbox::User= -o Debug::NoLocking=1)
  if ! apt-get "${options[@]}" download cloud-init; then
    # The machine's lists are missing or may not be read: make lists of our own.
    options+=(-o "Dir::State=$work/state" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null)
    apt-get "${options[@]}" update
    apt-get "${options[@]}" download cloud-init
  fi
  package=$(printf '%s' "$work"/cloud-init_*.deb)
  dpkg-deb --fsys-tarfile "$package" | tar -xO "$SCHEMA_IN_PACKAGE" >"$work/schema"
  [[ -s $work/schema ]]
  dpkg-deb --field "$package" Version >"$CLOUD_INIT/version"
  mv "$work/schema" "$CLOUD_INIT_SCHEMA"
  cd "$CLOUD_INIT"
  rm -rf "$work" "$CLOUD_INIT/absent"
}
