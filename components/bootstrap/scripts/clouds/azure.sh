#!/usr/bin/env bash
# What a node asks of Azure, behind the name that the other scripts know on every cloud:
#   cloud.sh secret NAME         the secret's value, from Key Vault
#   cloud.sh database-token      what the node's identity logs in to the database with, as a password
#   cloud.sh notices             one line for each announced end of this machine: the event's id
#   cloud.sh acknowledge EVENT   lets the end happen now
# Tokens travel on standard input, so that no process list shows one.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly METADATA=http://169.254.169.254/metadata

metadata() {
  local path=$1
  shift
  curl -sS --fail-with-body --max-time 130 --noproxy '*' --header Metadata:true "$@" "$METADATA/$path"
}

# Azure, "How managed identities for Azure resources work": the token endpoint of the metadata service.
token() {
  local answer
  answer=$(metadata "identity/oauth2/token?api-version=2018-02-01&resource=$1&client_id=$(node .vault.identity)") || {
    log "the identity got no token for $1: $answer"
    return 1
  }
  jq -er .access_token <<<"$answer"
}

# Key Vault's "Get Secret".
secret() {
  local answer bearer uri
  bearer=$(token https://vault.azure.net)
  uri=$(node .vault.uri)
  answer=$(curl -sS --fail-with-body --max-time 30 --config - "${uri%/}/secrets/$1?api-version=7.4" \
    <<<"header = \"Authorization: Bearer $bearer\"") || {
    # What a vault that refuses says holds no secret.
    log "the vault gave no secret $1: $answer"
    return 1
  }
  jq -ej .value <<<"$answer"
}

# Azure, "Scheduled Events for Linux VMs"; a scale set announces `Terminate` where termination notification is on.
notices() {
  local name
  name=$(metadata "instance/compute/name?api-version=2021-02-01&format=text")
  metadata 'scheduledevents?api-version=2020-07-01' | jq -r --arg name "$name" \
    '.Events[] | select((.EventType == "Terminate" or .EventType == "Preempt") and (.Resources | index($name))) | .EventId'
}

acknowledge() {
  jq -n --arg id "$1" '{StartRequests: [{EventId: $id}]}' |
    metadata 'scheduledevents?api-version=2020-07-01' --header 'Content-Type: application/json' --data @- >/dev/null
}

case ${1-} in
  secret) secret "${2:?usage: cloud.sh secret NAME}" ;;
  database-token) token https://ossrdbms-aad.database.windows.net ;;
  notices) notices ;;
  acknowledge) acknowledge "${2:?usage: cloud.sh acknowledge EVENT}" ;;
  *) fail "usage: cloud.sh secret NAME | database-token | notices | acknowledge EVENT" ;;
esac
