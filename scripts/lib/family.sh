# shellcheck shell=bash
# What a stack of the R Server family needs on the sandbox. The product's installer is the user's own and
# none can be had any more, so the sandbox's download site offers a stand-in for it (stand_ins/).

FAMILY= # PRODUCT VERSION NAME SHA256 of the stand-in that the stack's nodes install; "" for other stacks

# find_family STACK_FILE: leaves in FAMILY which stand-in the stack's nodes install, if any.
find_family() {
  grep -qs 'downloads\.sandbox\.example' "$1" "$ROOT"/stacks/bases/* || return 0
  FAMILY=$(PYTHONPATH=$ROOT "$ROOT/.venv/bin/python" "$ROOT/scripts/lib/family.py" "$1")
}

# offer_stand_in: builds it, and puts it where the nodes download it from.
offer_stand_in() {
  [[ $FAMILY ]] || return 0
  local product version name sum built found
  read -r product version name sum <<<"$FAMILY"
  built=$CACHE/stand-ins/$product-$version.tar
  step "Stand-in for $product $version" "$ROOT/stand_ins/build" "$product" "$version" --output "$CACHE/stand-ins"
  found=$(sha256sum "$built")
  [[ ${found%% *} == "$sum" ]] ||
    fail "the stand-in is not the one that stack '$STACK' names" "$STACK_FILE" "stand_ins/ has changed: its SHA-256 is ${found%% *} now" \
      "run scripts/stand-ins, which renews the sums in stacks/"
  "$ROOT/scripts/sandbox" offer "$built" --as "$name" >&2
}

# offer_newer VERSION: builds and offers the stand-in of another version; leaves its options of scripts/upgrade
# in NEWER.
offer_newer() {
  local product=mlserver version=$1 built found
  [[ $version != 9.[01]* ]] || product=rserver
  built=$CACHE/stand-ins/$product-$version.tar
  step "Stand-in for $product $version" "$ROOT/stand_ins/build" "$product" "$version" --output "$CACHE/stand-ins"
  found=$(sha256sum "$built")
  "$ROOT/scripts/sandbox" offer "$built" >&2
  # shellcheck disable=SC2034 # scripts/upgrade reads it
  NEWER=(--installer "https://downloads.sandbox.example/${built##*/}" --sha256 "${found%% *}")
}

# set_family_secrets: what the program asks of R Server 9.0, whose hash of a password nobody knows how to
# make: a password, and its hash as the stand-in has it, made once and kept beside the stack's copy. After an
# upgrade from 9.0 the password is still the one that its nodes know.
set_family_secrets() {
  [[ $FAMILY ]] || return 0
  local file=$COPY/secrets/$STACK password hash
  if [[ ! -e $file ]]; then
    [[ $FAMILY == "rserver 9.0"* ]] || return 0
    mkdir -p "${file%/*}" && chmod 700 "${file%/*}"
    password=$("$ROOT/.venv/bin/python" -c '
import secrets, string
letters = string.ascii_letters + string.digits
print("Aa1-" + "".join(secrets.choice(letters) for _ in range(12)))')
    hash=$("$ROOT/stand_ins/build" --hash <<<"$password")
    (umask 077 && printf '%s\n%s\n' "$password" "$hash" >"$file.new")
    mv "$file.new" "$file"
  fi
  { read -r password && read -r hash; } <"$file"
  pulumi config set --secret --stack "$STACK" --config-file "$CONFIG" adminPassword <<<"$password" >&2
  [[ $FAMILY == "rserver 9.0"* ]] || return 0
  pulumi config set --secret --stack "$STACK" --config-file "$CONFIG" adminPasswordHash <<<"$hash" >&2
}
