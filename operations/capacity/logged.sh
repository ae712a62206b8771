#!/usr/bin/env bash
# Reads what a node's proxy wrote of the requests that it answered: reads, and changes nothing. Input: the path that
# was asked, then a line for each stretch of time, `BEGAN ENDED` by the clock. Prints for each stretch and each kind of
# server behind the proxy `proxy STRETCH BACKEND COUNT TW TC TR`: how many good answers, and the mean milliseconds in the
# queue, to connect, and for the answer.
set -euo pipefail
export LC_ALL=C

read -r path
[[ $path =~ ^/[!-~]{1,400}$ ]] || {
  echo "logged: not a path" >&2
  exit 2
}
stretches=() first='' last=''
while read -r began ended; do
  [[ $began =~ ^[0-9]{1,12}(\.[0-9]{1,6})?$ && $ended =~ ^[0-9]{1,12}(\.[0-9]{1,6})?$ ]] || {
    echo "logged: not a stretch of time" >&2
    exit 2
  }
  stretches+=("$began $ended")
  first=${first:-${began%.*}}
  last=${ended%.*}
done
((${#stretches[@]})) || exit 0

# The proxy's log-format (frontend.cfg, haproxy.cfg): client, frontend, BACKEND/SERVER, TR/TW/TC/TR/TA, status, bytes,
# how it ended, method, path. A time of -1 is one that the request did not come to.
journalctl --unit operationalization-proxy --since "@$first" --until "@$((last + 1))" --output short-unix --no-pager --quiet |
  OP_PATH=$path OP_STRETCHES=$(printf '%s\n' "${stretches[@]}") awk '
    BEGIN {
      many = split(ENVIRON["OP_STRETCHES"], lines, "\n")
      for (each = 1; each <= many; each++) { split(lines[each], ends, " "); began[each] = ends[1]; ended[each] = ends[2] }
    }
    $8 == 200 && $12 == ENVIRON["OP_PATH"] && split($7, time, "/") == 5 && split($6, way, "/") == 2 && way[1] ~ /^[a-z]+$/ && time[4] >= 0 {
      for (each = 1; each <= many; each++) if ($1 >= began[each] && $1 <= ended[each]) {
        of = (each - 1) " " way[1]
        count[of]++; queue[of] += time[2]; connect[of] += time[3]; answer[of] += time[4]
      }
    }
    END {
      for (of in count) {
        printf "proxy %s %d %.1f %.1f %.1f\n", of, count[of], queue[of] / count[of], connect[of] / count[of], answer[of] / count[of]
      }
    }'
