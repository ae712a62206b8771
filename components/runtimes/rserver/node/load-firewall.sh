#!/usr/bin/env bash
# Puts the rules of this host's packet filter in place, at once for each family of addresses.
set -euo pipefail

iptables-restore </etc/operationalization/firewall.rules
# A host without IPv6 has nothing to close.
[[ ! -e /proc/net/if_inet6 ]] || ip6tables-restore </etc/operationalization/firewall6.rules
