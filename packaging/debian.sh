#!/usr/bin/env bash
# Makes a Debian package of the frozen program: packaging/debian.sh dist/maskwright [OUT]. Needs dpkg-deb only.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "${1:?the folder of the frozen program}" && pwd)
out=${2:-$(dirname "$folder")}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/../inference/__init__.py")
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# what Qt loads but does not bring, as the list of the development set-up has it
needed=$(sed -n '/^packages=(/,/^)/p' "$here/system_packages.sh" | grep -v '[()]' | xargs | sed 's/ /, /g')

# the oldest C library that every file in the folder can do with
glibc=$(grep -rahoE 'GLIBC_2\.[0-9]+' "$folder/maskwright" "$folder/_internal" --include='*.so*' --include=maskwright \
    | sort -Vu | tail -n 1 | cut -d_ -f2)

mkdir -p "$root/usr/lib" "$root/usr/bin" "$root/DEBIAN"
cp -a "$folder" "$root/usr/lib/maskwright"
mv "$root/usr/lib/maskwright/share" "$root/usr/share"
ln -s ../lib/maskwright/maskwright "$root/usr/bin/maskwright"
install -Dm644 "$here/../LICENSE" "$root/usr/share/doc/maskwright/copyright"
cat >"$root/DEBIAN/control" <<CONTROL
Package: maskwright
Version: $version
Architecture: $architecture
Maintainer: The Maskwright developers
Section: graphics
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: libc6 (>= $glibc), $needed
Description: annotate image data sets with masks
 Point at a thing in a photo, correct its mask with a few more clicks, name it,
 and export COCO, YOLO, Pascal VOC, labelme or mask images to train on.
 .
 This package brings its own Python, Qt and PyTorch for the CPU.
CONTROL
chmod -R u=rwX,go=rX "$root"
dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$out/maskwright_${version}_$architecture.deb"
