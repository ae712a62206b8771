# shellcheck shell=bash
# R without installing it: the one of the sandbox's image, which is the one of the nodes.

# shellcheck source=scripts/lib/project.sh
source "${BASH_SOURCE[0]%/*}/project.sh"

# find_image: leaves the folders of the image with R in IMAGE, for an overlay, or the reason why not
# in NO_IMAGE.
find_image() {
  IMAGE=
  NO_IMAGE="the sandbox's images are for Linux"
  [[ $(uname -s) == Linux ]] || return 0
  NO_IMAGE="nothing is set up yet"
  [[ -x $ROOT/.venv/bin/python ]] || return 0
  # shellcheck disable=SC2034 # the caller says it
  NO_IMAGE="the image is not built yet"
  IMAGE=$(PYTHONPATH=$ROOT "$ROOT/.venv/bin/python" -c '
from sandbox.fabric.contract import FabricError
from sandbox.fabric.images import Images
try:
    print(":".join(map(str, Images().layers("complete"))))
except FabricError:
    pass')
}

# image_rscript FOLDER ARGUMENTS...: Rscript inside the image, in FOLDER, which it alone may write to.
# No network, no privileges, no process of this machine in sight; all ends with this shell.
image_rscript() {
  local folder=$1 owner
  shift
  owner=$(stat -c '--reuid=%u --regid=%g' "$folder")
  root_for "run R in the sandbox's image"
  # The mounts are in a namespace of their own: nothing is left to unmount.
  # shellcheck disable=SC2016 # the inner shell's arguments
  "${AS_ROOT[@]}" unshare --mount --net --ipc --uts --pid --fork --kill-child bash -c '
    set -euo pipefail
    image=$1 folder=$2 owner=$3
    shift 3
    exec 3<"$folder"
    mount -t overlay overlay -o "ro,lowerdir=$image" /mnt
    mount --bind /proc/self/fd/3 /mnt/mnt
    mount -t tmpfs -o mode=1777 tmpfs /mnt/tmp
    mount -t proc proc /mnt/proc
    mount --bind -o ro /dev /mnt/dev
    cd /mnt/mnt
    # shellcheck disable=SC2086 # two options
    exec chroot /mnt setpriv $owner --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
      env -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
      sh -c "cd /mnt && exec Rscript --vanilla \"\$@\"" Rscript "$@"' \
    image_rscript "$IMAGE" "$folder" "$owner" "$@"
}
