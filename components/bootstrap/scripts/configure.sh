#!/usr/bin/env bash
# Configures this node, at first boot and at every later one: each step may run again and then changes nothing.
# What fails is said in /var/log/operationalization/configure.log, and the node never becomes ready.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

step() {
  log "step $1"
  "$@" || fail "step $1 ended with $?; the lines above say why"
}

start_services() {
  local services
  mapfile -t services < <(node '.services[]')
  systemctl daemon-reload
  for service in "${services[@]}"; do
    systemctl start "$service" || {
      journalctl --unit "$service" --lines 20 --no-pager --output cat >&2
      systemctl stop "$service" || true # systemd would try it again ten times a second for ever
      fail "$service did not start; its own words are above"
    }
  done
}

is_live() { curl -fsSk --max-time 5 --noproxy '*' "$1" >/dev/null; }

# The proxy takes what it checks for healthy until its first check; servers in maintenance get none.
all_is_checked() {
  printf 'show stat -1 4 -1\n' | socat -t 5 - "UNIX-CONNECT:$RUNTIME/proxy.sock" |
    awk -F , '$18 !~ /MAINT/ && $37 == "INI" { unchecked = 1 } END { exit unchecked }'
}

await_live() {
  local limit=$1 deadline=$((SECONDS + $1)) live
  live=$(node '"https://localhost:\(.port)\(.health.live)"')
  until all_is_checked && is_live "$live" 2>/dev/null; do
    ((SECONDS < deadline)) || fail "the services started, but $live does not answer 200 within $limit seconds"
    sleep 0.3
  done
}

# A service that died after its start is worth its own words.
check_services() {
  local services
  mapfile -t services < <(systemctl list-units --state=failed --plain --no-legend 'operationalization-*' | awk '{ print $1 }')
  for service in "${services[@]}"; do
    journalctl --unit "$service" --lines 20 --no-pager --output cat >&2
    fail "$service has died; its own words are above"
  done
}

main() {
  # Nothing below may still run when a step has failed: `||` after a function would switch errexit off.
  trap '[[ $? == 0 ]] || ./state.sh failed' EXIT
  ./state.sh starting
  step ./install-packages.sh
  step ./configure-firewall.sh
  step ./fetch-secrets.sh
  step ./role.sh
  log "starting services"
  start_services
  await_live 120
  check_services
  ./state.sh ready
  systemctl start --no-block operationalization-notices.service
  log "ready"
}

mkdir -p "$(dirname "$LOG")"
(main) 2>&1 | tee -a "$LOG"
