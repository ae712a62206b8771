# shellcheck shell=bash
# Runs pytest. Tests that boot nodes or run the engine share two cores with each other, and what one of
# them awaits may come too late: those that fail get a second look, alone, and are named all the same.

WORKERS=3      # on two cores, because tests with nodes wait as much as they compute
SECOND_LOOKS=3 # files of tests; more than these did not fail for want of a processor
SECOND_LOOKED=() # tests that failed and passed then
LAST_FAILED=(--last-failed --last-failed-no-failures none)

# run_tests PYTEST ARGUMENTS...: all of them. Which one goes to which worker: tests/conftest.py.
run_tests() {
  local status=0
  python -m pytest -n "$WORKERS" --no-loadscope-reorder "$@" || status=$?
  ((status == 1)) || return "$status"
  look_alone "$@"
}

# failed_tests PYTEST ARGUMENTS...: the names of those that failed in the run before.
failed_tests() {
  python -m pytest --collect-only --quiet "${LAST_FAILED[@]}" "$@" 2>/dev/null | grep '::'
}

# look_alone PYTEST ARGUMENTS...: runs what failed once more, one after the other, unless a test is
# among it that depends on no other process.
look_alone() {
  local all booted files
  mapfile -t all < <(failed_tests "$@")
  mapfile -t booted < <(failed_tests "$@" -m "engine or root")
  mapfile -t files < <(printf '%s\n' "${booted[@]%%::*}" | sort -u)
  [[ ${#booted[@]} -gt 0 && ${booted[*]} == "${all[*]}" ]] || return 1
  ((${#files[@]} <= SECOND_LOOKS)) || return 1
  say "a second look, alone, at what failed beside other tests:" "${booted[@]}"
  python -m pytest "${LAST_FAILED[@]}" "$@" || return 1
  # shellcheck disable=SC2034 # read by the caller
  SECOND_LOOKED=("${booted[@]}")
}
