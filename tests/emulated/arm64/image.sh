#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# image.sh DIR: makes DIR/arm64/{vmlinuz,base,lib}: Debian 13's kernel for arm64, which
# has KVM built in, what an emulated machine needs of it and of QEMU in an initramfs, as
# cpio, and the libraries to build against.  Only Debian packages, none of them installed.
# Made anew when this file has changed.
# shellcheck disable=SC2016
set -eu
dir=$1/arm64 release=trixie
here=$(readlink -f "$0")

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
key=$(sha256sum <"$here")
[ "$(cat "$dir/made" 2>/dev/null)" = "$key" ] && exit

work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
	awk -v to="$release" '$2 ~ /^[a-z]+$/ && $3 == "Debian" && $4 == "main" { print "deb", $1, to, "main" }' | sort -u >"$work/sources"
[ -s "$work/sources" ] || { echo "apt knows of no packages: is apt-get update due?" >&2; exit 1; }
mmdebstrap --quiet --variant=extract --architectures=arm64 --include=qemu-system-arm,busybox-static,linux-image-arm64,libjson-c5 \
	--aptopt='APT::Install-Recommends "false"' "$release" "$work/root.tar" "$work/sources" >"$dir/log" 2>&1 ||
	{ tail -n 20 "$dir/log" >&2; exit 1; }
mkdir -p "$work/all" "$work/root"/{bin,lib,mod,usr/bin}
tar -C "$work/all" -xf "$work/root.tar" ./usr/bin ./usr/lib ./boot
rm "$work/root.tar"

# with_libraries FILE: all that it is linked with, and what that is.
libraries=usr/lib/aarch64-linux-gnu
with_libraries()
{
	local name
	for name in $(aarch64-linux-gnu-objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'); do
		[ ! -e "$work/root/lib/$name" ] || continue
		cp -L "$work/all/$libraries/$name" "$work/root/lib/$name"
		with_libraries "$work/root/lib/$name"
	done
}

cp "$work/all/usr/bin/busybox" "$work/root/bin"
cp "$work/all/usr/bin/qemu-system-aarch64" "$work/root/usr/bin"
with_libraries "$work/root/usr/bin/qemu-system-aarch64"
cp -L "$work/all/$libraries/libjson-c.so.5" "$work/root/lib"

ln -s usr/lib "$work/all/lib"
version=$(ls "$work/all/lib/modules")
/sbin/depmod -b "$work/all" "$version"
/sbin/modprobe -d "$work/all" -S "$version" --show-depends virtio_net | while read -r verb path _; do
	[ "$verb" = insmod ] || continue
	xz -dc "$path" >"$work/root/mod/$(basename "$path" .xz)"
	basename "$path" .xz >>"$work/root/mod/order"
done

(cd "$work/root" && find . | cpio --quiet -o -H newc) >"$dir/base"
cp "$work"/all/boot/vmlinuz-* "$dir/vmlinuz"
rm -rf "$dir/lib"
cp -r "$work/root/lib" "$dir/lib"
cp "$work/root/bin/busybox" "$dir"
echo "$key" >"$dir/made"
