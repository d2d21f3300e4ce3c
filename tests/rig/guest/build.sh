#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# build.sh DIR PROGRAMS: makes DIR/vmlinuz and DIR/initrd from Debian packages:
# kernel and virtio modules, busybox, the real guest agent, and what stands in
# the folder PROGRAMS: tick and badagent.
# Does nothing when they are there and newer than what they are made of.
set -eu
dir=$1 programs=$2
here=$(dirname "$(readlink -f "$0")")
agent=/usr/sbin/qemu-ga

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
current()
{
	local part
	for part in "$programs/tick" "$programs/badagent" "$here/init" "$here/build.sh" "$agent"; do
		[ "$dir/initrd" -nt "$part" ] || return
	done
}
if current; then
	exit
fi

work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The package that the metapackage means today; downloaded once, never installed.
kernel_package()
{
	ls "$dir"/linux-image-*.deb 2>/dev/null && return
	local flavour name
	flavour=linux-image-cloud-$(dpkg --print-architecture)
	name=$(apt-cache depends "$flavour" | sed -n 's/^ *Depends: *\(linux-image-[0-9].*\)/\1/p')
	[ "$name" ] || { echo "no kernel package: is apt-get update due?" >&2; return 1; }
	(cd "$dir" && apt-get -q download "$name" >&2)
	ls "$dir"/linux-image-*.deb
}

# Debian 12 ships modules plain, later releases compressed; busybox reads only plain ones.
copy_module()
{
	local name=${1##*/}
	name=${name%.xz}
	grep -qxF "$name" "$root/mod/order" && return
	case $1 in
	*.xz) xz -dc "$1" >"$root/mod/$name" ;;
	*) cp "$1" "$root/mod/$name" ;;
	esac
	echo "$name" >>"$root/mod/order"
}

unpacked=$work/kernel root=$work/root
dpkg-deb -x "$(kernel_package)" "$unpacked"
[ -d "$unpacked/usr/lib/modules" ] && mkdir -p "$unpacked/lib" && ln -sfn ../usr/lib/modules "$unpacked/lib/modules"
release=$(ls "$unpacked/lib/modules")
/sbin/depmod -b "$unpacked" "$release"

mkdir -p "$root"/{bin,mod,usr/sbin,proc,sys,dev,run}
: >"$root/mod/order"
for module in virtio_pci virtio_console; do
	/sbin/modprobe -d "$unpacked" -S "$release" --show-depends "$module" | while read -r verb path _; do
		[ "$verb" = insmod ] && copy_module "$path"
		true
	done
done

cp /bin/busybox "$root/bin/busybox"
cp "$programs/tick" "$programs/badagent" "$root/bin"
cp "$agent" "$root/usr/sbin/qemu-ga"
cp "$here/init" "$root/init"
ldd "$agent" | grep -oE '/[^ ]+' | while read -r library; do
	install -D "$(readlink -f "$library")" "$root$library"
done

(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"
cp "$unpacked"/boot/vmlinuz-* "$dir/vmlinuz"
mv "$work/initrd" "$dir/initrd"
