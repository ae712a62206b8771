#!/bin/sh
# What every way to a node carries there: runs the bash script of the archive below with its input, as root, in
# bounded time, and prints exit code and the end of both outputs as one line. Azure gives back 4096 bytes in all, so
# that line stays below. The archive is base64 between the last two lines.
set -eu
umask 077

main() {
  work=$(mktemp -d /var/tmp/operationalization-channel.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  base64 -d | tar -xzf - -C "$work" || {
    echo "channel: the archive did not arrive whole"
    exit 1
  }
  mkdir "$work/answer"
  code=0
  timeout -k 10 "$(cat "$work/seconds")" bash "$work/script" <"$work/input" >"$work/stdout" 2>"$work/stderr" || code=$?
  printf '%s' "$code" >"$work/answer/code"
  for limit in 16000 8000 4000 2000 1000; do
    tail -c "$limit" "$work/stdout" >"$work/answer/stdout"
    tail -c "$limit" "$work/stderr" >"$work/answer/stderr"
    answer=$(tar -czf - -C "$work/answer" code stdout stderr | base64 | tr -d '\n')
    [ "${#answer}" -gt 3600 ] || break
  done
  echo "channel-answer:$answer:"
}

main <<'DATA'
DATA
