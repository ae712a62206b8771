#!/usr/bin/env bash
# Configures this node, at first boot and at every later one: each step may run again and then changes nothing.
# What fails is said in /var/log/operationalization/configure.log, and the node never becomes ready.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

step() {
  log "step $*"
  "$@" || fail "step $* ended with $?; the lines above say why"
}

# The product's own units stay enabled, as its documents want them; a changed setting counts from a restart on.
start_services() {
  local services verb=start
  mapfile -t services < <(node .services)
  systemctl daemon-reload
  for service in "${services[@]}"; do
    verb=start
    [[ ! -e $RUNTIME/restart && $service != operationalization-* ]] || verb=restart
    [[ $service == operationalization-* ]] || systemctl --no-reload enable --quiet "$service"
    systemctl "$verb" "$service" || {
      journalctl --unit "$service" --lines 20 --no-pager --output cat >&2
      systemctl stop "$service" || true # systemd would try it again for ever
      fail "$service did not start; its own words are above"
    }
  done
  rm -f "$RUNTIME/restart"
}

await_health() {
  local path=$1 limit=$2 deadline=$((SECONDS + $2)) address
  address=$(health_address "$path")
  until answers "$address" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || {
      say_services
      fail "the services started, but $(node ".health.$path") does not answer 200 within $limit seconds"
    }
    sleep 0.5
  done
}

# A service that died after its start is worth its own words.
say_services() {
  local services
  mapfile -t services < <(node .services)
  for service in "${services[@]}"; do
    systemctl is-active --quiet "$service" || {
      log "$service is down:"
      journalctl --unit "$service" --lines 20 --no-pager --output cat >&2
    }
  done
}

main() {
  # Nothing below may still run when a step has failed: `||` after a function would switch errexit off.
  trap '[[ $? == 0 ]] || ./state.sh failed' EXIT
  ./state.sh starting
  step ./install-packages.sh
  step ./configure-firewall.sh
  step ./fetch-secrets.sh
  step ./install-product.sh
  step ./role.sh
  log "starting services"
  start_services
  # The product's own deadline is five minutes after a web node that started unconfigured (facts.md 8.5, 14.2).
  await_health live 420
  step python3 -B ./diagnose.py
  ./state.sh ready
  await_health ready 30
  systemctl start --no-block operationalization-notices.service
  log "ready"
}

mkdir -p "$(dirname "$LOG")"
(main) 2>&1 | tee -a "$LOG"
