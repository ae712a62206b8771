#!/usr/bin/env bash
# Looks at a node while it is under load: reads, and changes nothing. Input: how many looks, and the seconds between
# two of them, each on a line of its own. Prints for each look `cpu TIME BUSY ALL`, the clock and hundredths of a second
# of all processors, and where the node has an API service `api TIME BUSY`: those that its process has computed.
set -euo pipefail
export LC_ALL=C

read -r looks
read -r pause
[[ $looks =~ ^[0-9]{1,3}$ && $pause =~ ^[0-9]{1,2}(\.[0-9])?$ ]] || {
  echo "watch: not a number of looks and a pause" >&2
  exit 2
}

# In a container /proc/stat is about the whole machine; what is its own, its control group says.
of_container() {
  local used name
  if [[ -r /sys/fs/cgroup/cpuacct/cpuacct.usage ]]; then
    read -r used </sys/fs/cgroup/cpuacct/cpuacct.usage
    busy=$((used / 10000000))
  elif [[ -r /sys/fs/cgroup/cpu.stat ]]; then
    read -r name used </sys/fs/cgroup/cpu.stat
    [[ $name == usage_usec ]] || return 1
    busy=$((used / 10000))
  else
    return 1
  fi
  all=$((${now/./} * processors / 10000))
}

# Of `guest` and `guest_nice`, user and nice have them already (proc_stat(5)).
of_machine() {
  local name user nice system idle waiting irq soft stolen
  read -r name user nice system idle waiting irq soft stolen _ </proc/stat
  [[ $name == cpu ]] || return 1
  busy=$((user + nice + system + irq + soft + stolen))
  all=$((busy + idle + waiting))
}

# Fields 14 and 15 of proc_pid_stat(5); the second one is a name, with whatever is in it.
of_process() {
  local line fields
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${line##*) }"
  busy=$((fields[11] + fields[12]))
}

if systemd-detect-virt --container --quiet 2>/dev/null; then whose=of_container; else whose=of_machine; fi
processors=$(nproc)
api=$(systemctl show --property MainPID --value operationalization-api 2>/dev/null || true)

for ((done = 0; done < looks; done++)); do
  ((done == 0)) || sleep "$pause"
  now=$EPOCHREALTIME
  if "$whose"; then echo "cpu $now $busy $all"; fi
  if ((api)) && of_process "$api"; then echo "api $now $busy"; fi
done
