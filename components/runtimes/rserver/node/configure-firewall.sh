#!/usr/bin/env bash
# The host's own firewall from the node's JSON file, as iptables knows it: the product's systems have no nftables. It says
# the same as the cloud's rules, once more, and adds that only root talks to the cloud's metadata service, because
# models are arbitrary code. The product's own ports are open to this host alone.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly RULES=/etc/operationalization/firewall.rules RULES6=/etc/operationalization/firewall6.rules

# Each chain of the node's file: port and address, a line each.
inbound() { rows .firewall.inbound port address | awk -F '\t' '{ print "-A INPUT -s " $2 " -p tcp -m tcp --dport " $1 " -j ACCEPT" }'; }
outbound() { rows .firewall.outbound port address | awk -F '\t' '{ print "-A OUTPUT -d " $2 " -p tcp -m tcp --dport " $1 " -j ACCEPT" }'; }

platform() {
  rows .firewall.platform port address |
    awk -F '\t' '{ print "-A OUTPUT -d " $2 " -p tcp -m owner --uid-owner 0 -m tcp --dport " $1 " -j ACCEPT" }'
  rows .firewall.platform address | sort -u | awk '{ print "-A OUTPUT -d " $1 " -j DROP" }'
}

internet() {
  local ports
  ports=$(node .firewall.internet.ports | paste -sd , -)
  [[ -n $ports ]] || return 0
  node .firewall.internet.except | awk '{ print "-A INTERNET -d " $1 " -j RETURN" }'
  echo "-A INTERNET -p tcp -m multiport --dports $ports -j ACCEPT"
}

cat >"$RULES.new" <<RULES
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:INTERNET - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT
$(inbound)
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 53 -j ACCEPT
-A OUTPUT -p udp -m multiport --dports 67,123 -j ACCEPT
$(platform)
$(outbound)
$(internet)
-A OUTPUT -j INTERNET
COMMIT
RULES
# What the neighbour discovery of IPv6 needs, and nothing else.
cat >"$RULES6.new" <<'RULES'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
COMMIT
RULES
iptables-restore --test <"$RULES.new" || fail "iptables refuses $RULES.new"
for rules in "$RULES" "$RULES6"; do
  if cmp -s "$rules.new" "$rules"; then
    rm "$rules.new"
  else
    mv "$rules.new" "$rules"
  fi
done
# CentOS 7 has a firewall of its own, which would put its rules over ours.
if systemctl is-active --quiet firewalld.service; then
  systemctl --no-reload mask --quiet firewalld.service
  systemctl stop firewalld.service
fi
systemctl --no-reload enable --quiet operationalization-firewall.service
systemctl restart operationalization-firewall.service
