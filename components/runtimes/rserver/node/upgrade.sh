#!/usr/bin/env bash
# upgrade.sh FOLDER STEP: one step of the way of this node's product to another version, or back (facts.md section 15).
# FOLDER holds the new version's files (files/), what is to change (move.json), the backup and the progress. A step may
# run again after it was cut short, and goes on where it was. The last line of its output is what it reports, as JSON.
set -euo pipefail
umask 077

work=${1:?usage: upgrade.sh FOLDER STEP}
step=${2:?usage: upgrade.sh FOLDER STEP}
here=$(cd "$(dirname "$0")" && pwd)
cd /opt/operationalization/bin
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly BACKUP=$work/backup PROGRESS=$work/progress

settings() { python3 -BI "$here/upgrade_settings.py" "$@"; }

# move PATH...: what is to change, a line for each value.
move() { settings get "$work/move.json" "$@"; }

begun() { [[ -e $PROGRESS ]] && grep -qxF "begun $1" "$PROGRESS"; }
done_already() { [[ -e $PROGRESS ]] && grep -qxF "done $1" "$PROGRESS"; }

# once NAME COMMAND...: runs the command, unless it has come to its end before.
once() {
  local name=$1
  shift
  done_already "$name" && return
  log "$name"
  begun "$name" || echo "begun $name" >>"$PROGRESS"
  sync
  "$@"
  echo "done $name" >>"$PROGRESS"
  sync
}

# home_of of|to: where that version is installed; fails when it is not.
home_of() {
  local homes home
  mapfile -t homes < <(move "$1.homes")
  for home in "${homes[@]}"; do
    [[ ! -d $home ]] || {
      echo "$home"
      return
    }
  done
  return 1
}

# folder_of of|to PART
folder_of() {
  local home
  home=$(home_of "$1") || return
  echo "$home/$(move "$1.folders.$2")"
}

parts() { move parts; }

# Units that the node's own file names, last first; those that are not there are no matter.
stop_services() {
  local services index
  systemctl stop operationalization-notices.service 2>/dev/null || true
  mapfile -t services < <(settings get "$NODE" services)
  for ((index = ${#services[@]} - 1; index >= 0; index--)); do
    systemctl stop "${services[index]}" 2>/dev/null || true
  done
}

drain() {
  if systemctl is-active --quiet operationalization-proxy.service; then
    ./drain.sh
  fi
}

leave() {
  drain
  stop_services
}

# All that a node of this version does at boot: install what is missing, settings, set-up, start, wait until it serves.
configure() {
  systemctl daemon-reload
  systemctl restart operationalization-configure.service || {
    tail --lines 15 "$LOG" >&2
    fail "the node could not be configured; $LOG says why"
  }
}

serves() { ./wait-until-ready.sh 120 >/dev/null; }

# A step that was cut short may have left the node stopped.
ensure_serving() {
  ./wait-until-ready.sh 10 >/dev/null || configure
  serves
}

# As soon as probes have had time to notice that this node serves, another one may leave.
noticed() { sleep "$(settings get "$NODE" health.window)"; }

# What is in the backup, by its sum.
note_sums() {
  (cd "$1" && find . -type f ! -name manifest -print0 | xargs -0 sha256sum) >"$1/manifest.new"
  sed -i '/ \.\/manifest\.new$/d' "$1/manifest.new"
  mv "$1/manifest.new" "$1/manifest"
}

# --- before anything changes

back_up() {
  local part folder copy=$BACKUP.new own
  rm -rf "$copy"
  mkdir -p "$copy"
  cd /
  shopt -s nullglob
  own=(opt/operationalization etc/operationalization etc/systemd/system/operationalization-*
    var/lib/operationalization/bundl[e])
  shopt -u nullglob
  tar -czf "$copy/own.tar.gz" "${own[@]}"
  cd - >/dev/null
  for part in $(parts); do
    folder=$(folder_of of "$part")
    mkdir -p "$copy/$part"
    cp -p "$folder/appsettings.json" "$copy/$part/appsettings.json"
  done
  note_sums "$copy"
  rm -rf "$BACKUP"
  mv "$copy" "$BACKUP"
}

intact() { (cd "$BACKUP" && sha256sum --quiet --check manifest >&2) || fail "the backup in $BACKUP is not what was backed up"; }

# While everything serves: what cannot be had is known before anything changes, and nobody waits for it later. The old
# version's too, which its installation has forgotten: the way back begins with it, and its address may be gone by then.
fetch_installers() {
  local names name file
  settings merge "$NODE" "$work/move.json" >"$work/node.json"
  for file in "$NODE" "$work/node.json"; do
    mapfile -t names < <(settings get "$file" "$(move role).install.files")
    for name in "${names[@]}"; do
      NODE_FILE=$file "$here/download.sh" "$name" >/dev/null
    done
  done
}

same_version() {
  local product version
  product=$(settings get "$NODE" product)
  version=$(settings get "$NODE" version)
  [[ "$product $version" == "$(move of.product) $(move of.version)" ]] ||
    fail "this node has $product $version, not $(move of.product) $(move of.version): versions are mixed already"
}

prepare() {
  local free
  same_version
  serves || fail "this node does not serve now: mend that first"
  free=$(df --output=avail -k /var/lib | tail -n 1)
  ((free > 2 * 1024 * 1024)) || fail "only $((free / 1024)) MB are free in /var/lib: 2048 are needed"
  once back-up back_up
  intact
  fetch_installers
  if [[ $(move database) == server && $(parts) == *web* ]]; then
    database_tool pg_dump --schema-only --file /dev/null ||
      fail "the database cannot be copied from here: pg_dump must be as new as the server"
  fi
}

# --- the database, while nobody uses it

# The product's own account, whose password has no place in a process's arguments.
database_tool() {
  local secret
  secret=$(move login.secret)
  PGPASSFILE=$(mktemp /run/operationalization/pgpass.XXXXXX)
  export PGPASSFILE
  printf '*:*:*:*:%s\n' "$(sed 's/[\\:]/\\&/g' "/run/operationalization/secrets/$secret")" >"$PGPASSFILE"
  local code=0
  PGHOST=$(settings get "$NODE" database.host) PGPORT=$(settings get "$NODE" database.port) \
    PGDATABASE=$(settings get "$NODE" database.name) PGUSER=$(move login.login) PGSSLMODE=require "$@" || code=$?
  rm -f "$PGPASSFILE"
  return "$code"
}

save_database() {
  database_tool pg_dump --format custom --no-owner --no-privileges --file "$work/database.new"
  mv "$work/database.new" "$work/database"
}

# What the new version made goes too: a table that the copy does not have would tell of a schema that is none. Schemas
# stay: whose the database is made them for the product, which may not.
restore_database() {
  [[ -f $work/database ]] || fail "no copy of the database is on this node"
  database_tool psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 <<'SQL'
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT n.nspname AS place, c.relname AS name,
      CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relowner = current_user::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND n.nspname NOT LIKE 'pg\_%'
    ORDER BY c.relkind IN ('S')
  LOOP
    EXECUTE format('DROP %s IF EXISTS %I.%I CASCADE', found.kind, found.place, found.name);
  END LOOP;
END
$$;
SQL
  pg_restore --list "$work/database" | grep -v ' SCHEMA - ' >"$work/database.list"
  database_tool pg_restore --no-owner --no-privileges --exit-on-error --use-list "$work/database.list" \
    --dbname "$(settings get "$NODE" database.name)" "$work/database"
}

# --- the change

# With SQLite the web part's database is a file in its folder (facts.md 15, step 1): it must not be written any more.
keep_database_file() {
  local folder file
  [[ $(move database) == file ]] || return 0
  folder=$(folder_of of web)
  mkdir -p "$BACKUP/database"
  for file in "$folder"/*.db; do
    [[ ! -f $file ]] || cp -p "$file" "$BACKUP/database/"
  done
  note_sums "$BACKUP"
}

installed() {
  local pattern
  if command -v dpkg-query >/dev/null; then
    for pattern in "$@"; do dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\n' "$pattern" 2>/dev/null || true; done |
      awk '$1 ~ /^[irhu][iUFHWc]/ && !seen[$2]++ { print $2 }'
  else
    for pattern in "$@"; do rpm -qa --queryformat '%{NAME}\n' "$pattern"; done | awk '!seen[$0]++'
  fi
}

# remove of|to: the documents' commands for that version.
remove() {
  local version=$1 patterns packages trees services service tree
  mapfile -t services < <(move "$version.services.web" "$version.services.compute")
  for service in "${services[@]}"; do
    systemctl disable --now "$service.service" 2>/dev/null || true
  done
  mapfile -t patterns < <(move "$version.packages")
  mapfile -t packages < <(installed "${patterns[@]}")
  if ((${#packages[@]})); then
    if command -v apt-get >/dev/null; then
      DEBIAN_FRONTEND=noninteractive apt-get purge --yes "${packages[@]}" >&2
    else
      yum erase --assumeyes "${packages[@]}" >&2
    fi
  fi
  for service in "${services[@]}"; do rm -f "/etc/systemd/system/$service.service"; done
  rm -f /var/lib/operationalization/installed # else nothing would be installed in its place
  mapfile -t trees < <(move "$version.trees")
  for tree in "${trees[@]}"; do rm -rf "$tree"; done
  systemctl daemon-reload
}

# What the uninstaller should have stashed, where the next set-up looks for it: ours where it left nothing. On the way
# back ours always: what lies there is the new version's, which the old one does not know.
stash() {
  local keep=$1 place part name
  place=$(move of.stash)
  for part in $(parts); do
    name=frontend
    [[ $part == web ]] || name=backend
    mkdir -p "$place/$name"
    [[ $keep && -e $place/$name/appsettings.json ]] || cp "$BACKUP/$part/appsettings.json" "$place/$name/appsettings.json"
  done
  [[ ! -d $BACKUP/database ]] || cp -p "$BACKUP/database/." "$place/frontend/" -R
}

switch_files() {
  cp -R "$work/files/." /
  settings merge "$NODE" "$work/move.json" >"$NODE.new"
  chmod --reference="$NODE" "$NODE.new"
  mv "$NODE.new" "$NODE"
  [[ $(move bundle) == "" ]] || move bundle >/var/lib/operationalization/bundle
}

# Settings that the new version did not take over, and that are not ours to say, are put into its file.
carry() {
  local part folder found=0
  for part in $(parts); do
    folder=$(folder_of to "$part")
    settings carry "$work/move.json" "$part" "$BACKUP/$part/appsettings.json" "$folder/appsettings.json" >"$work/$part.json"
    cmp -s "$work/$part.json" "$folder/appsettings.json" || found=1
  done
  ((found)) || return 0
  leave
  for part in $(parts); do
    folder=$(folder_of to "$part")
    cat "$work/$part.json" >"$folder/appsettings.json"
  done
  configure
}

report() {
  local part files=()
  for part in $(parts); do
    files+=("$part" "$BACKUP/$part/appsettings.json" "$(folder_of to "$part")/appsettings.json")
  done
  settings report "$work/move.json" "${files[@]}"
}

replace() {
  intact
  once drain drain
  once stop stop_services
  once keep-database-file keep_database_file
  once remove remove of
  once stash stash keep
  once switch switch_files
  once configure configure
  once carry carry
  once check ensure_serving
  report
}

# A compute node of the new version is not for web nodes of the old one.
replace_and_hold() {
  replace
  stop_services
}

# --- other settings, and the same version

prepare_settings() {
  local wanted
  same_version
  serves || fail "this node does not serve now: mend that first"
  settings merge "$NODE" "$work/move.json" >"$work/node.json"
  wanted=$(settings get "$work/node.json" "$(move role).install.files.server.sha256")
  [[ $wanted == "$(</var/lib/operationalization/installed)" ]] ||
    fail "the settings name another installer than the one that this node was installed from: write that one, or upgrade"
  once back-up back_up
  intact
}

apply() {
  intact
  once drain drain
  once stop stop_services
  once switch switch_files
  once configure configure
  once check ensure_serving
}

undo() {
  if begun switch; then
    intact
    once undo-leave leave
    once undo-files unpack_own
    once undo-settings put_back
  fi
  ensure_serving
}

# --- the way back

put_back() {
  local part folder
  stop_services
  for part in $(parts); do
    folder=$(folder_of of "$part")
    cat "$BACKUP/$part/appsettings.json" >"$folder/appsettings.json"
  done
  if [[ -d $BACKUP/database ]]; then
    folder=$(folder_of of web)
    cp -pR "$BACKUP/database/." "$folder/"
  fi
  configure
}

unpack_own() {
  tar -C / -xzf "$BACKUP/own.tar.gz"
  systemctl daemon-reload
}

take_back() {
  if begun remove; then
    intact
    once back-leave leave
    once back-remove-new remove to
    once back-remove-old remove of
    once back-stash stash ''
    once back-files unpack_own
    once back-configure configure
    once back-settings put_back
  fi
  ensure_serving
}

settle() {
  rm -rf "$work/files" "$work/unpacked" "$work"/*.json
  find /var/lib/operationalization/incoming -name "upgrade-*.tar.gz" -delete
}

diagnose() {
  serves
  python3 -B ./diagnose.py >&2
}

# Two at once would undo each other: one that was left alone by its caller comes to its end first.
exec 9>"$work/lock"
flock --wait 3000 9 || fail "another step is under way on this node"
case $step in
  prepare) prepare ;;
  replace)
    replace
    ensure_serving
    ;;
  replace-and-hold) replace_and_hold ;;
  leave) leave ;;
  open | return) configure ;;
  save-database) once save-database save_database ;;
  restore-database) restore_database ;;
  take-back) take_back ;;
  prepare-settings) prepare_settings ;;
  apply)
    apply
    noticed
    ;;
  undo)
    undo
    noticed
    ;;
  diagnose) diagnose ;;
  settle) settle ;;
  *) fail "no step of an upgrade: $step" ;;
esac
