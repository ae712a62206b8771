#!/usr/bin/env bash
# Brings an image of the sandbox into a store of buildah's. buildah.py calls it in namespaces of its own.
#
# usage: import-base.sh FOLDER LAYERS NAME BUILDAH...
#
#   FOLDER   of the store; a mount point is made in it
#   LAYERS   folders of the image, topmost first, with `:` between
#   NAME     what the image is called in the store
#   BUILDAH  the command line that works in the store

set -euo pipefail
folder=$1 layers=$2 name=$3
shift 3

mkdir -p "$folder/whole"
mount -t overlay overlay -o "ro,lowerdir=$layers" "$folder/whole"
container=$("$@" from scratch)
target=$("$@" mount "$container")
cp -a --reflink=auto "$folder/whole/." "$target/"
"$@" umount "$container"
"$@" commit --quiet --rm "$container" "$name"
umount "$folder/whole"
rmdir "$folder/whole"
