#!/usr/bin/env bash
# What a node asks of AWS, behind the name that the other scripts know on every cloud:
#   cloud.sh secret NAME          the secret's value, from Secrets Manager
#   cloud.sh database-token       what the node's role logs in to the database with, as a password
#   cloud.sh database-bootstrap   the database's first login, as JSON, until that is of no use any more
#   cloud.sh bundle               the archive with the rest of this node's files
#   cloud.sh notices              one line for each announced end of this machine
#   cloud.sh acknowledge EVENT    lets the end happen now
#   cloud.sh ready                this machine serves: its group may count on it
#   cloud.sh unhealthy            this machine is broken: its group may replace it
# Tokens travel on standard input, so that no process list shows one; botocore signs in a process of its own.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly METADATA=http://169.254.169.254/latest
# The lifecycle hooks of the node's group.
readonly SERVING=serving DRAINING=draining

ask() { curl -sS --max-time 10 --noproxy '*' "$@"; }

# Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata": version 2, which wants a
# token. What there is not (404) is empty.
metadata() {
  local token answer
  token=$(ask --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$METADATA/api/token")
  answer=$(ask --write-out '\n%{http_code}' --config - "$METADATA/meta-data/$1" \
    <<<"header = \"X-aws-ec2-metadata-token: $token\"")
  case ${answer##*$'\n'} in
    200) printf '%s' "${answer%$'\n'*}" ;;
    404) ;;
    *)
      log "the metadata service answered ${answer##*$'\n'} for $1"
      return 1
      ;;
  esac
}

# -B: Python leaves nothing beside the script; -I: the environment does not decide what it imports.
signed() { python3 -BI ./signed_call.py "$(node .region)" "$@"; }

secret() { signed secret "$(node .vault.uri)/$1"; }

database_token() {
  signed database-token "$(node .database.host)" "$(node .database.port)" "$(node .database.principal)"
}

# Amazon EC2 Auto Scaling User Guide, "Retrieve the target lifecycle state through instance metadata".
notices() {
  local state
  state=$(metadata autoscaling/target-lifecycle-state)
  [[ $state != Terminated ]] || echo "$state"
}

# in_group OPERATION...: a call about this machine to the group that it belongs to, which a tag names; a machine of
# its own has no group (and no lifecycle in one), and nobody to tell.
in_group() {
  local group state instance
  group=$(metadata tags/instance/aws:autoscaling:groupName)
  if [[ -z $group ]]; then
    state=$(metadata autoscaling/target-lifecycle-state)
    [[ -z $state ]] || fail "the tag that names this machine's group is not there yet"
    log "this machine belongs to no group: nobody to tell"
    return
  fi
  instance=$(metadata instance-id)
  signed "$@" "$group" "$instance"
}

case ${1-} in
  secret) secret "${2:?usage: cloud.sh secret NAME}" ;;
  database-token) database_token ;;
  database-bootstrap) signed secret "$(node .database.bootstrap)" ;;
  bundle) signed object "$(node .bundle.uri)" ;;
  notices) notices ;;
  acknowledge)
    : "${2:?usage: cloud.sh acknowledge EVENT}"
    in_group complete "$DRAINING"
    ;;
  ready) in_group complete "$SERVING" ;;
  unhealthy) in_group unhealthy ;;
  *) fail "usage: cloud.sh secret NAME | database-token | database-bootstrap | bundle | notices | acknowledge EVENT | ready | unhealthy" ;;
esac
