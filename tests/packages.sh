# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The Debian packages that building, the rig of two hosts and the emulated hosts
# need, for those who install what is missing: ./check and ./demo.
# shellcheck disable=SC2034

build_packages="autoconf automake gcc make pkg-config libc6-dev gawk python3 xz-utils
	libconfuse-dev libcurl4-gnutls-dev libgnutls28-dev libjson-c-dev libmicrohttpd-dev
	libsmartcols-dev libsqlite3-dev libsystemd-dev libvirt-dev libxml2-dev"
fuzz_packages="clang libclang-rt-dev"
cross_packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" # arm64's part, elsewhere
rig_packages="busybox-static chrony cpio curl gnutls-bin iproute2 iptables jq kmod libfaketime libvirt-clients
	libvirt-daemon-driver-qemu libvirt-daemon-system procps python3-libvirt qemu-guest-agent qemu-system-x86 util-linux"

emulated_packages="e2fsprogs mmdebstrap openssh-client"
arm64_packages="qemu-system-arm" # and the cross compiler: two arm64 machines, elsewhere

# missing_packages PACKAGE...: those of them that are not installed, on one line.
missing_packages()
{
	local package missing=()
	for package; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	echo "${missing[*]}"
}

# install_packages LOG PACKAGE...: what apt says goes to LOG.
# Unless somebody has already said so, no service starts because we install it.
install_packages()
(
	log=$1
	shift
	export DEBIAN_FRONTEND=noninteractive
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM HUP
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
	fi
	{ apt-get -q update && apt-get -qy install --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null ||
		{ tail -n 40 "$log"; exit 1; }
)

# know_packages: the guest's kernel is downloaded, not installed; for that apt must know of packages at all.
know_packages()
{
	ls "$RIG_CACHE"/linux-image-*.deb >/dev/null 2>&1 ||
		apt-cache show "linux-image-cloud-$(dpkg --print-architecture)" >/dev/null 2>&1 ||
		apt-get -q update >/dev/null
}
