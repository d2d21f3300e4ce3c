#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# image.sh DIR RELEASE: makes DIR/RELEASE/{disk,vmlinuz,initrd}, what an
# emulated host boots: that Debian release (bookworm, trixie) with its own
# kernel, systemd, libvirtd, QEMU, chronyd and sshd, and what clockferry needs
# of libraries.  What is this host's alone comes from a second disk: its first
# process, seed-init, copies that over everything else before systemd starts.
#
# Only Debian packages, from where this machine's apt has its own from.  Made
# anew when this file has changed; the packages are those of that day.
# shellcheck disable=SC2016
set -eu
dir=$1/$2 release=$2
here=$(readlink -f "$0")
packages=systemd,systemd-sysv,dbus,udev,kmod,iproute2,procps,openssh-server,chrony,apparmor
packages+=,linux-image-$(dpkg --print-architecture),initramfs-tools,zstd
packages+=,libvirt-daemon-system,libvirt-daemon-driver-qemu,libvirt-clients,qemu-system-x86,polkitd
libraries=(libconfuse2 libcurl3-gnutls libgnutls30 libjson-c5 libmicrohttpd12 libsmartcols1 libsqlite3-0 libsystemd0 libvirt0 libxml2)
[ "$release" = bookworm ] || libraries=(libconfuse2 libcurl3t64-gnutls libgnutls30t64 libjson-c5 libmicrohttpd12t64 libsmartcols1 libsqlite3-0
	libsystemd0 libvirt0 libxml2)

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
key=$(sha256sum <"$here")
[ "$(cat "$dir/made" 2>/dev/null)" = "$key" ] && exit

# sources: apt's own, for the release wanted.
sources()
{
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
		awk -v want="$release" '$3 == "Debian" && $4 == "main" {
			sub(/^[a-z]+/, want, $2)
			print "deb", $1, $2, "main"
		}' | sort -u
}

work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources >"$work/sources"
[ -s "$work/sources" ] || { echo "apt knows of no packages: is apt-get update due?" >&2; exit 1; }

cat >"$work/seed-init" <<'I'
#!/bin/sh
mount -o ro /dev/vdb /mnt && tar -C /mnt --exclude ./lost+found -cf - . | tar -C / --keep-directory-symlink -xf - && umount /mnt
exec /sbin/init "$@"
I
mmdebstrap --quiet --variant=minbase --include="$packages,$(IFS=,; echo "${libraries[*]}")" \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--aptopt='APT::Install-Recommends "false"' \
	--customize-hook="install -m 755 '$work/seed-init' \"\$1/sbin/seed-init\"" \
	--customize-hook='chroot "$1" systemctl disable --quiet apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer' \
	--customize-hook='rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/etc/hostname' \
	"$release" "$work/root.tar" "$work/sources" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log" >&2; exit 1; }

mkdir "$work/root"
tar -C "$work/root" --numeric-owner -xf "$work/root.tar"
rm "$work/root.tar"
cp "$work"/root/boot/vmlinuz-* "$dir/vmlinuz"
cp "$work"/root/boot/initrd.img-* "$dir/initrd"
truncate -s 4G "$dir/disk"
mke2fs -q -F -t ext4 -O ^has_journal -d "$work/root" "$dir/disk"
echo "$key" >"$dir/made"
