#!/usr/bin/env bash
# Does one thing on a node of a set that another one takes over from, or of the one that does. Input: what.
set -euo pipefail

readonly PROGRAMS=/opt/operationalization/bin KEPT=/var/lib/operationalization RUNTIME=/run/operationalization

fail() {
  echo "$*" >&2
  exit 1
}

# As soon as probes have had time to notice: the same time as a node takes to drain.
noticed() { sleep "$(python3 -B "$PROGRAMS/node_json.py" /etc/operationalization/node.json get .health.window)"; }

serves() {
  local attempt
  for ((attempt = 0; attempt < 120; attempt++)); do
    [[ ! -e $RUNTIME/health/ping ]] || return 0
    sleep 1
  done
  fail "the node does not become ready: journalctl -u operationalization-watch says why"
}

read -r what
case $what in
  freeze)
    grep -q health/frozen /etc/operationalization/forward.conf ||
      fail "this node was made by an earlier release, whose proxy cannot freeze publishing"
    touch "$KEPT/frozen" "$RUNTIME/health/frozen"
    # Calls that came before end before the backup's moment.
    sleep 2
    ;;
  thaw) rm -f "$KEPT/frozen" "$RUNTIME/health/frozen" ;;
  diagnose)
    serves
    python3 -B "$PROGRAMS/diagnose.py" 120
    ;;
  services) python3 -B - <<'END' ;;
import json, sys
sys.path.insert(0, "/opt/operationalization/bin")
import diagnose

document = json.load(open(diagnose.NODE, encoding="utf-8"))
section = document[document["role"]]
part = section["parts"][-1]
port, login = section["listen"][part]["own"], section["login"]
[place] = [use["path"] for use in document["secrets"] if use["name"] == login["secret"]]
with open(place, encoding="utf-8") as stream:
    who = {"username": login["account"], "password": stream.read().rstrip("\n")}
status, text = diagnose.call(port, "POST", "/login", who, "")
if status != 200:
    sys.exit("/login answers {}".format(status))
status, text = diagnose.call(port, "GET", "/services", None, json.loads(text)["access_token"])
if status != 200:
    sys.exit("/services answers {}".format(status))
print(json.dumps(sorted("{name} {version}".format(**each) for each in json.loads(text))))
END
  join)
    serves
    noticed
    ;;
  leave) "$PROGRAMS/drain.sh" >&2 ;;
  return)
    "$PROGRAMS/state.sh" ready
    serves
    noticed
    ;;
  *) fail "no such thing: $what" ;;
esac
