# shellcheck shell=bash
# The checks that need no engine: style, types, imports, shell scripts. A failure is shown at once
# and remembered, and hides no other.

FAILED=()
BESIDE_WHAT=

# check WHAT COMMAND...: one line when it holds, all of its output when it does not.
check() {
  local what=$1 start log
  shift
  log=$CACHE/log/check-${what//[^A-Za-z0-9]/-}.log
  mkdir -p "$CACHE/log"
  now start
  if "$@" >"$log" 2>&1; then
    say "ok      $what ($(since "$start"))"
  else
    say "FAILED  $what ($(since "$start"))"
    cat "$log" >&3
    FAILED+=("$what")
  fi
}

# check_beside WHAT COMMAND...: the same beside all that follows, and behind it in what it may take of
# the processors. A failure is shown at once, what holds by finish_checks.
check_beside() {
  BESIDE_WHAT=$1
  beside check_behind "$@"
}

check_behind() {
  local what=$1 start log
  shift
  log=$CACHE/log/check-${what//[^A-Za-z0-9]/-}.log
  mkdir -p "$CACHE/log"
  rm -f "$log.time"
  renice -n 10 "$BASHPID" >/dev/null 2>&1 || true
  now start
  if "$@" >"$log" 2>&1; then
    since "$start" >"$log.time"
    return 0
  fi
  say ""
  say "FAILED  $what ($(since "$start"))"
  cat "$log" >&3
  return 1
}

# finish_checks: waits for the check that runs beside the others.
finish_checks() {
  if join_beside; then
    say "ok      $BESIDE_WHAT ($(<"$CACHE/log/check-${BESIDE_WHAT//[^A-Za-z0-9]/-}.log.time"))"
  else
    FAILED+=("$BESIDE_WHAT")
  fi
}

# What is there of the folders that must be typed and have Python in them.
typed_paths() {
  local path
  for path in components operationalization sandbox server policies operations model_folders stand_ins __main__.py; do
    [[ ! -e $path || ! $(find "$path" -name '*.py' -print -quit) ]] || printf '%s\n' "$path"
  done
}

# Every shell script that git knows or would know, by its name or its first line.
shell_scripts() {
  local file first
  while IFS= read -r -d '' file; do
    [[ -f $file ]] || continue
    first=
    IFS= read -r first <"$file" 2>/dev/null || true
    if [[ $file == *.sh || $first =~ ^#!.*[/\ ](ba|da)?sh( |$) ]]; then
      printf '%s\0' "$file"
    fi
  done < <(git ls-files -z --cached --others --exclude-standard)
}

check_shell_scripts() {
  local files
  mapfile -d '' -t files < <(shell_scripts)
  shellcheck --external-sources "${files[@]}"
}

check_types() {
  local paths
  mapfile -t paths < <(typed_paths)
  # In a condition bash goes on after a failure.
  ((${#paths[@]} == 0)) || mypy --strict "${paths[@]}" || return
  mypy --strict --package scripts.lib.powershell --package scripts.lib.azure_pipelines
}

# All checks, but for the outcome of the one for types: finish_checks has it. Without what mypy keeps
# from another time it takes longer than all others together.
# Programs of nodes that run on Ubuntu 16.04 and CentOS 7: what they use is in the Pythons of those.
check_old_pythons() {
  local folder=components/runtimes/rserver/node files
  mapfile -t files < <(git ls-files --cached --others --exclude-standard "$folder/*.py" | grep -v /node_json.py)
  # With a minus sign: that version or an older one.
  vermin --quiet --no-tips --violations --target=3.4- "${files[@]}" operations/diagnosis/node/*.py &&
    vermin --quiet --no-tips --violations --target=2.7- --target=3.4- "$folder/node_json.py"
}

run_checks() {
  check_beside "mypy --strict" check_types
  check "ruff check" ruff check .
  check "ruff format --check" ruff format --check .
  check "lint-imports" lint-imports
  check "shellcheck" check_shell_scripts
  check "vermin" check_old_pythons
  check "PowerShell rules" python -m scripts.lib.powershell
  check "pipelines" check_pipelines
  [[ ! -x scripts/schema ]] || check "scripts/schema --check" scripts/schema --check
  [[ ! -x scripts/docs ]] || check "scripts/docs --check" scripts/docs --check
  check "scripts/templates --check" scripts/templates --check
}
