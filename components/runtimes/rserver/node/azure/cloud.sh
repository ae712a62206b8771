#!/usr/bin/env bash
# What a node asks of Azure, behind the name that the other scripts know on every cloud; as the shared script of this
# name, for systems with an older curl and without jq:
#   cloud.sh secret NAME         the secret's value, from Key Vault
#   cloud.sh database-token      what the node's identity logs in to the database with, as a password
#   cloud.sh file URL            a file of a private store, from Blob Storage
#   cloud.sh notices             one line for each announced end of this machine: the event's id
#   cloud.sh acknowledge EVENT   lets the end happen now
# Tokens travel on standard input, so that no process list shows one.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR/.. source=library.sh
source library.sh

readonly METADATA=http://169.254.169.254/metadata

# read_json WHAT PATH...: of the JSON document on standard input, as library.sh reads the node's.
read_json() { python "$PROGRAMS/node_json.py" /dev/stdin "$@"; }

# ask CURL-OPTIONS...: the body; with another status than 2xx it goes to the log, as it says why and holds no secret.
ask() {
  local answer status
  answer=$(curl -sS --write-out '\n%{http_code}' "$@") || return 1
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [[ $status != 2?? ]]; then
    printf '%s: %s\n' "$status" "$answer" >&2
    return 1
  fi
  printf '%s' "$answer"
}

metadata() {
  local path=$1
  shift
  ask --max-time 130 --noproxy '*' --header Metadata:true "$@" "$METADATA/$path"
}

# Azure, "How managed identities for Azure resources work": the token endpoint of the metadata service.
token() {
  local answer
  answer=$(metadata "identity/oauth2/token?api-version=2018-02-01&resource=$1&client_id=$(node .vault.identity)") || {
    log "the identity got no token for $1"
    return 1
  }
  read_json value .access_token <<<"$answer"
}

# Key Vault's "Get Secret".
secret() {
  local answer bearer uri
  bearer=$(token https://vault.azure.net)
  uri=$(node .vault.uri)
  answer=$(ask --max-time 30 --config - "${uri%/}/secrets/$1?api-version=7.4" \
    <<<"header = \"Authorization: Bearer $bearer\"") || {
    log "the vault gave no secret $1"
    return 1
  }
  read_json value .value <<<"$answer"
}

# Azure Storage, "Get Blob", with a token of the node's identity.
file() {
  local bearer
  bearer=$(token https://storage.azure.com/)
  curl -sS --fail --proto '=https' --connect-timeout 30 --speed-limit 1000 --speed-time 60 --config - "$1" \
    <<<"header = \"Authorization: Bearer $bearer\"
header = \"x-ms-version: 2019-12-12\""
}

# Azure, "Scheduled Events for Linux VMs"; a scale set announces `Terminate` where termination notification is on.
notices() {
  local name events event kind resources
  name=$(metadata "instance/compute/name?api-version=2021-02-01&format=text")
  events=$(metadata 'scheduledevents?api-version=2020-07-01')
  while IFS=$'\t' read -r event kind resources; do
    [[ $kind != Terminate && $kind != Preempt ]] || [[ $resources != *"\"$name\""* ]] || printf '%s\n' "$event"
  done < <(read_json rows .Events EventId EventType Resources <<<"$events")
}

acknowledge() {
  printf '{"StartRequests": [{"EventId": "%s"}]}' "$1" |
    metadata 'scheduledevents?api-version=2020-07-01' --header 'Content-Type: application/json' --data @- >/dev/null
}

case ${1-} in
  secret) secret "${2:?usage: cloud.sh secret NAME}" ;;
  database-token) token https://ossrdbms-aad.database.windows.net ;;
  file) file "${2:?usage: cloud.sh file URL}" ;;
  notices) notices ;;
  acknowledge) acknowledge "${2:?usage: cloud.sh acknowledge EVENT}" ;;
  *) fail "usage: cloud.sh secret NAME | database-token | file URL | notices | acknowledge EVENT" ;;
esac
