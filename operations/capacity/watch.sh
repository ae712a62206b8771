#!/usr/bin/env bash
# Looks at a node while it is under load: reads, and changes nothing. Input: how many looks, and the seconds between
# two of them, each on a line of its own. Prints for each look `cpu TIME BUSY ALL` (the clock, and ticks of all
# processors since boot), and at the end for each kind of request that the node's proxy has answered meanwhile
# `proxy BACKEND COUNT TW TC TR`: how many, and the mean milliseconds in its queue, to connect, and for the answer.
set -euo pipefail

read -r looks
read -r pause
[[ $looks =~ ^[0-9]{1,3}$ && $pause =~ ^[0-9]{1,2}(\.[0-9])?$ ]] || {
  echo "watch: not a number of looks and a pause" >&2
  exit 2
}

look() {
  # Of `guest` and `guest_nice`, user and nice have them already (proc_stat(5)).
  awk -v now="$(date +%s.%N)" '$1 == "cpu" {
    all = $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9
    printf "cpu %.2f %d %d\n", now, all - $5 - $6, all
    exit
  }' /proc/stat
}

began=$(date +%s)
look
for ((done = 1; done < looks; done++)); do
  sleep "$pause"
  look
done

# The proxy's log-format (frontend.cfg, haproxy.cfg): client, frontend, BACKEND/SERVER, TR/TW/TC/TR/TA, status. A time
# of -1 is one that the request did not come to.
journalctl --unit operationalization-proxy --since "@$began" --output short-unix --no-pager --quiet 2>/dev/null |
  awk 'split($7, time, "/") == 5 && split($6, way, "/") == 2 && way[1] ~ /^[a-z]+$/ && $8 == 200 && time[4] >= 0 {
    count[way[1]]++; queue[way[1]] += time[2]; connect[way[1]] += time[3]; answer[way[1]] += time[4]
  }
  END {
    for (each in count) {
      printf "proxy %s %d %.1f %.1f %.1f\n", each, count[each], queue[each] / count[each],
        connect[each] / count[each], answer[each] / count[each]
    }
  }' || true
