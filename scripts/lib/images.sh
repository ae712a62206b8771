# shellcheck shell=bash
# What the sandbox boots nodes with: Debian's tools, installed on the machine, and images, built in
# the cache. Where that's impossible the sandbox goes on without nodes, and one line says why.

# Command, and Debian's package of it.
readonly NODE_TOOLS=(
  "buildah buildah"
  "ip iproute2"
  "mmdebstrap mmdebstrap"
  "nft nftables"
  "slirp4netns slirp4netns"
  "systemd-nspawn systemd-container"
)
# Debian's keys, by which mmdebstrap checks packages. Other distributions have them as a package.
readonly ARCHIVE_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
IMAGES=$CACHE/images

ensure_images() {
  local stamp reason missing status
  find_images_stamp
  [[ ! $stamp || ! -r $IMAGES/stamp || $(<"$IMAGES/stamp") != "$stamp" ]] || return 0
  find_reason
  [[ $reason ]] || install_node_tools
  [[ $reason ]] || find_reason_of_kernel
  [[ $reason ]] || build_images
  if [[ ! $reason ]]; then
    rm -f "$IMAGES/absent"
    return 0
  fi
  # Said once as long as it is the same, not at each command.
  [[ -r $IMAGES/absent && $(<"$IMAGES/absent") == "$reason" ]] ||
    say "nodes will not boot: $reason. The sandbox works without them, its resources are then records only."
  mkdir -p "$IMAGES"
  printf '%s\n' "$reason" >"$IMAGES/absent"
}

# Leaves in `stamp` all that decides what is in the images; empty: they or a tool are missing.
find_images_stamp() {
  local name files file
  stamp=
  for name in "${NODE_TOOLS[@]}"; do have "${name%% *}" || return 0; done
  for name in base complete family postgresql; do [[ -d $IMAGES/$name/upper ]] || return 0; done
  mapfile -d '' -t files < <(
    find "$ROOT/sandbox/fabric/images" "$ROOT/sandbox/fabric/authority.py" -type f -not -name '*.pyc' -print0 | sort -z
  )
  for file in /etc/apt/{sources.list,sources.list.d/*,apt.conf,apt.conf.d/*,mirrors/*} "$IMAGES/authority/certificate.pem"; do
    [[ ! -f $file ]] || files+=("$file")
  done
  stamp=$(sha256sum "${files[@]}" | sha256sum | cut -c1-32)
}

# Leaves in `reason` why this machine can't have nodes; empty: nothing is known against it.
find_reason() {
  reason=
  find_missing_packages
  if [[ $OSTYPE != linux* ]]; then
    reason="this is not Linux"
  elif ((EUID != 0)); then
    reason="they need root, and this runs as $(id -un 2>/dev/null || id -u)"
  elif ((${#missing[@]})) && ! have apt-get; then
    reason="Debian's tools are missing (${missing[*]}), and this machine has no apt-get to install them with"
  fi
}

find_missing_packages() {
  local tool
  missing=()
  for tool in "${NODE_TOOLS[@]}"; do
    have "${tool%% *}" || missing+=("${tool##* }")
  done
  [[ -e $ARCHIVE_KEYS ]] || missing+=(debian-archive-keyring)
}

install_node_tools() {
  ((${#missing[@]})) || return 0
  say "installing Debian packages on this machine, to build the images of nodes and to boot them: ${missing[*]}"
  set +e
  step "Debian packages for nodes" install_packages "${missing[@]}"
  status=$?
  set -e
  ((status == 0)) || reason="Debian packages could not be installed (${missing[*]}); scripts/setup tries again"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@")
  "${install[@]}" && return 0
  # The machine's lists are missing or old.
  apt-get update
  "${install[@]}"
}

find_reason_of_kernel() {
  reason=$(
    cd "$ROOT"
    .venv/bin/python -c 'from sandbox.fabric.images import unavailable; print("; ".join(unavailable()))'
  )
}

build_images() {
  set +e
  step "Images of nodes" build_missing_images
  status=$?
  set -e
  if ((status)); then
    reason="their images could not be built; scripts/setup tries again"
    return 0
  fi
  find_images_stamp
  printf '%s\n' "$stamp" >"$IMAGES/stamp"
}

build_missing_images() {
  cd "$ROOT"
  .venv/bin/python -m sandbox.fabric.images
}
