#!/usr/bin/env bash
# The host's own firewall from the node's JSON file. It says the same as the cloud's rules, once more, and adds
# that only root talks to the cloud's metadata service, because models are arbitrary code.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly RULES=/etc/operationalization/firewall.nft

# One rule an address: a set refuses ranges that overlap.
rules() {
  jq -r --arg chain "$1" --arg side "$2" --arg who "${3-}" \
    '.firewall[$chain][] | "    \($who)ip \($side) \(.address) tcp dport \(.port) accept"' "$NODE"
}

internet() {
  jq -r '.firewall.internet | select(.ports != []) |
    "    ip daddr != { \(.except | join(", ")) } tcp dport { \(.ports | join(", ")) } accept"' "$NODE"
}

cat >"$RULES.new" <<RULES
table inet operationalization
delete table inet operationalization
table inet operationalization {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    udp sport 67 udp dport 68 accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
$(rules inbound saddr)
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
  chain output {
    type filter hook output priority filter; policy drop;
    oif lo accept
    ct state established,related accept
    meta l4proto { tcp, udp } th dport 53 accept
    udp dport { 67, 123 } accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
$(rules platform daddr 'meta skuid 0 ')
    ip daddr { $(node '[.firewall.platform[].address] | unique | join(", ")') } drop
$(rules outbound daddr)
$(internet)
  }
}
RULES
nft --check --file "$RULES.new" || fail "nftables refuses $RULES.new"
if cmp --silent "$RULES.new" "$RULES"; then
  rm "$RULES.new"
else
  mv "$RULES.new" "$RULES"
fi
systemctl --no-reload enable --quiet operationalization-firewall.service
systemctl restart operationalization-firewall.service
