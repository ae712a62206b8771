# shellcheck shell=bash
# The checks that need no engine: style, types, imports, shell scripts. A failure is shown at once
# and remembered, and hides no other.

FAILED=()

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

# What is there of the folders that must be typed and have Python in them.
typed_paths() {
  local path
  for path in components sandbox server policies operations model_folders stand_ins __main__.py; do
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
  ((${#paths[@]} == 0)) || mypy --strict "${paths[@]}"
  mypy --strict --package scripts.lib.powershell
}

run_checks() {
  check "ruff check" ruff check .
  check "ruff format --check" ruff format --check .
  check "mypy --strict" check_types
  check "lint-imports" lint-imports
  check "shellcheck" check_shell_scripts
  check "PowerShell rules" python -m scripts.lib.powershell
  [[ ! -x scripts/schema ]] || check "scripts/schema --check" scripts/schema --check
  [[ ! -x scripts/docs ]] || check "scripts/docs --check" scripts/docs --check
}
