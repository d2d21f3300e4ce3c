#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck source=tests/tap.sh
#
# "clockferry kvm on" and "off", on files of a host that is made up.
. "${srcdir:-.}/tests/tap.sh"
requires_root
requires_command unshare

if [ "$1" != inside ]; then
	unshare --mount true 2>/dev/null || skip_all "needs mount namespaces"
	exec unshare --mount --propagation private "$BASH" "$0" inside
fi

tmp=$(mktemp -d) || exit 1
cleanup "rm -rf '$tmp'"
cleanup "umount -l /etc/systemd/system 2>/dev/null; umount -l '$tmp' 2>/dev/null"
mount -t tmpfs tmpfs "$tmp" && mkdir -p "$tmp/units" "$tmp/bin" "$tmp/local" && chmod 755 "$tmp" || exit 1
mkdir -p /etc/systemd/system && mount --bind "$tmp/units" /etc/systemd/system || exit 1
printf '#!/bin/sh\necho "$@" >>%s/systemctl\n' "$tmp" >"$tmp/bin/systemctl"
chmod 755 "$tmp/bin/systemctl"
PATH=$tmp/bin:$PATH
rule=/etc/apparmor.d/local/abstractions/libvirt-qemu
if [ -e "$rule" ]; then
	echo "  /site/specific r," >"$tmp/local/rule"
	mount --bind "$tmp/local" "$(dirname "$rule")" && mv "$tmp/local/rule" "$rule"
	cleanup "umount -l $(dirname "$rule") 2>/dev/null"
fi

library=$tmp/libclockferry-kvm.so
touch "$library"
chmod 644 "$library"
kvm()
{
	"$builddir/clockferry" kvm "$@" --program "$library" 2>&1
}
preloads()
{
	cat /etc/systemd/system/"$1".service.d/zz-clockferry-kvm.conf 2>/dev/null | grep -v '^#'
}

like "it is turned on" "$(kvm on)" 'next start or arrival'
for service in libvirtd virtqemud; do
	is "$service hands it on" "$(preloads $service)" "[Service]
Environment=LD_PRELOAD=$library"
done
is "systemd is told" "$(cat "$tmp/systemctl")" daemon-reload
if [ -e "$rule" ]; then
	like "AppArmor lets QEMU map it" "$(cat "$rule")" "^  $library mr,  # clockferry kvm"
	like "... and what it let it before" "$(cat "$rule")" '^  /site/specific r,$'
else
	skip "AppArmor lets QEMU map it" "no profile of libvirt's here"
fi
ok "twice is once" kvm on
[ ! -e "$rule" ] || is "... for AppArmor, too" "$(grep -c clockferry "$rule")" 1

echo "[Service]" >/etc/systemd/system/libvirtd.service.d/other.conf
like "it is turned off" "$(kvm off)" 'no QEMU'
is "no drop-in of ours is left" "$(find /etc/systemd/system -type f | sort)" /etc/systemd/system/libvirtd.service.d/other.conf
[ ! -e "$rule" ] || is "nor a rule" "$(cat "$rule")" "  /site/specific r,"
like "twice is no error" "$(kvm off)" 'was not on'

# A file of the site's that cannot be read to its end, and one that has none.
if [ -e "$rule" ]; then
	mv "$rule" "$tmp/rule"
	ln -s /proc/self/mem "$rule"
	like "what AppArmor lets QEMU cannot be read: that is told" "$(kvm on)" "$rule: .*error"
	is "... it is left alone" "$(readlink "$rule")" /proc/self/mem
	is "... and nothing is turned on" "$(preloads libvirtd)" ""
	rm "$rule"
	printf '  /site/specific r,' >"$rule"
	ok "where the last line does not end" kvm on
	is "... ours is one of its own" "$(cat "$rule")" "  /site/specific r,
  $library mr,  # clockferry kvm"
	ok "... and goes" kvm off
	is "... which leaves the other" "$(cat "$rule")" "  /site/specific r,"
else
	skip "AppArmor's rules cannot be read" "no profile of libvirt's here"
fi

# What must not be loaded into every QEMU of a host.
chmod 666 "$library"
like "a library that anybody may write is refused" "$(kvm on)" 'others than root may write'
chmod 600 "$library"
like "one that QEMU may not read, too" "$(kvm on)" 'every user may read'
rm "$library"
like "and one that is not there" "$(kvm on)" 'No such file'
library="$tmp/with space"
like "and one whose name is two" "$(kvm on)" 'no absolute path'
library=$tmp/$(printf 'x%.0s' {1..255})
like "and one whose path nobody could read again" "$(kvm on)" 'longer than 255'
is "nothing was turned on by any of them" "$(preloads libvirtd)" ""
finish
