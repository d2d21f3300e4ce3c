#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# README's sections "On two hosts" and "Where others drive" as a newcomer has them: what `make install` puts there, and
# README's own commands, taken from it word by word.  A bad migration is refused, a good one measured and corrected.
#
# What a host of the rig has not: systemd (a stand-in starts what the unit says, as whom it says) and TLS between the
# libvirtds, which is the manager's business there (TCP is).
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/driven.sh"
requires_rig
requires_command certtool curl setpriv systemd-sysusers systemd-tmpfiles
unshare -m mount -t overlay overlay -o ro,lowerdir=/etc:/usr /usr 2>/dev/null || skip_all "may not lay anything over /usr here"

# readme WHERE N: the N-th block of code behind those words.
readme()
{
	python3 - "$srcdir/README.md" "$@" <<-'P'
		import re, sys
		_, path, where, n = sys.argv
		text = open(path).read()
		print(re.findall(r"^```(?:sh)?\n(.*?)^```$", text[text.index(where):], re.M | re.S)[int(n) - 1], end="")
	P
}

# typed WORDS: the command in "Where others drive" that was typed at a prompt and begins so, as the rig has it.
typed()
{
	python3 - "$srcdir/README.md" "$1" <<-'P'
		import re, sys
		text = open(sys.argv[1]).read()
		text = text[text.index("## Where others drive"):]
		print(re.search(r"^(?:root@h[AB]:~#|\$) (%s(?:.*\\\n)*.*)$" % sys.argv[2], text, re.M)[1].replace("qemu+tls", "qemu+tcp"))
	P
}

# as HOST COMMAND: by a shell of that host, where what is installed is found.
as()
{
	rig_in "$1" env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin sh -ec "$2"
}

# for_host HOST: what is said of hA, said of that host.
for_host()
{
	sed "$([ "$1" = A ] || echo 's/hA/h_/g; s/hB/hA/g; s/h_/hB/g')"
}

# What `make install DESTDIR=` has made lies over /usr of both hosts, and over the folder of settings, wherever this build has it.
unpack()
{
	local seed=$RIG_DIR/seed host=$1 etc=$2
	rig_in "$host" mount -t overlay overlay -o "ro,lowerdir=$seed/usr:/usr" /usr || return
	cp -a "$seed$etc/." "$RIG_DIR/$host/etc"
	[ "$etc" = /etc ] || rig_in "$host" mount --bind /etc "$etc"
}

# As the unit has it; Type=notify returns when the agent is there.
stand_in()
{
	cat <<-'S'
		#!/bin/sh
		unit=$(cat /usr/lib/systemd/system/clockferryd.service /usr/local/lib/systemd/system/clockferryd.service 2>/dev/null)
		value() { echo "$unit" | sed -n "s/^$1=//p"; }
		caps=$(value AmbientCapabilities | tr A-Z a-z | sed 's/cap_/+/g; s/ /,/g')
		case $* in
		"enable --now clockferryd")
			user=$(value User)
			install -d -o $user -g $user /run/clockferry
			install -d -o $user -g $user -m "$(value StateDirectoryMode)" /var/lib/clockferry
			groups=$(id -G $user),$(getent group "$(value SupplementaryGroups)" | cut -d: -f3)
			umask "$(value UMask)"
			export LD_PRELOAD="$(echo "$LD_PRELOAD" | sed 's|/[^ ]*/tests/rig/|/usr/lib/rig/|g')"
			for limit in rtprio="$(value LimitRTPRIO)" memlock="$(value LimitMEMLOCK | numfmt --from=iec)"; do
				prlimit --pid $$ --$limit 2>/dev/null # as far as it is to be had here
			done
			setpriv --reuid $user --regid $user --groups "$(echo "$groups" | tr ' ' ,)" --bounding-set "-all,$caps" \
				--inh-caps "-all,$caps" --ambient-caps "-all,$caps" --no-new-privs "$(value ExecStart)" </dev/null >>/var/log/clockferryd 2>&1 &
			for _ in $(seq 200); do
				clockferry version >/dev/null 2>&1 && exit
				sleep 0.1
			done
			exit 1
			;;
		"reload clockferryd") pkill -HUP -x clockferryd ;;
		daemon-reload) ;;
		*) echo "systemctl: nothing stands in for $*" >&2; exit 1 ;;
		esac
	S
}

rig_faketime B +0 chrony
rig_up
for host in A B; do # as Debian has it
	sed -i 's/^\(.*unix_sock_rw_perms = \).*/\1"0770"\n\t\tunix_sock_group = "libvirt"/' "$RIG_DIR/$host/etc/libvirt/libvirtd.conf"
	rig_libvirtd $host restart
done

# Build and install

etc=$(sed -n 's/^sysconfdir = //p' "$builddir/Makefile" | sed "s|\${prefix}|$(sed -n 's/^prefix = //p' "$builddir/Makefile")|")
ok "it is installed" eval 'make -s -C "$builddir" install DESTDIR="$RIG_DIR/seed" >/dev/null 2>"$RIG_DIR/install.log"' ||
	note "$(tail -n 3 "$RIG_DIR/install.log")"
mkdir -p "$RIG_DIR"/seed/usr/local/bin "$RIG_DIR/seed/usr/lib/rig"
cp "$rig_programs"/*.so "$RIG_DIR/seed/usr/lib/rig"
stand_in >"$RIG_DIR/seed/usr/local/bin/systemctl"
# Of what it would make there is more than a host's own here: /tmp is the machine's.
printf '#!/bin/sh\nexec /usr/bin/systemd-tmpfiles --prefix=/etc --prefix=%s --prefix=/run --prefix=/var/lib "$@"\n' "$etc" >"$RIG_DIR/seed/usr/local/bin/systemd-tmpfiles"
chmod -R a+rX "$RIG_DIR/seed"
chmod 755 "$RIG_DIR"/seed/usr/local/bin/system*
for host in A B; do
	ok "h$host has it" unpack $host "$etc"
	ok "... and its user and folders" as $host "$(readme '**Build and install.**' 1 | grep '^systemd-sysusers')"
done

# Certificates

mkdir -m 700 "$RIG_DIR/ca"
ok "certificates are made" eval '(cd "$RIG_DIR/ca" && readme "**Certificates.**" 1 | bash -e) >"$RIG_DIR/ca/log" 2>&1' || note "$(tail -n 3 "$RIG_DIR/ca/log")"
for host in A B; do
	cp "$RIG_DIR/ca"/{ca,h$host}.pem "$RIG_DIR/ca/h$host.key" "$RIG_DIR/$host/lib"
	ok "h$host has its own" as $host "cd /var/lib; $(readme '**Certificates.**' 2 | for_host $host)"
done

# Settings, start

for host in A B; do
	readme '**Settings.**' 1 | for_host $host >"$RIG_DIR/$host/etc/clockferry/clockferryd.conf"
	ok "no mistake is in h$host's settings" as $host "clockferryd --check-config"
	ok "h$host's agent starts" as $host "$(readme '**Start**' 1 | grep '^systemctl')"
done
ok "a guest" rig_define A db1 mem=128
ok "starts" rig_start A db1
like "who is not root is told that it takes root" \
	"$(as A "setpriv --reuid nobody --regid nogroup --clear-groups $(typed 'clockferry hook install')" 2>&1)" 'that takes root$'
for host in A B; do
	as $host "$(typed 'clockferry hook install')" >"$RIG_DIR/said"
	is "h$host: the hook is installed: exit status" $? 0
	like "h$host: ... and loaded" "$(cat "$RIG_DIR/said")" 'loaded by +libvirtd'
	ok "h$host: doctor finds nothing that fails" wait_for 40 eval "as $host '$(typed 'clockferry doctor')' >'$RIG_DIR/doctor-$host'"
	like "h$host: ... and the hook as README shows it" "$(cat "$RIG_DIR/doctor-$host")" 'ok +libvirt +libvirt.s hook is as it should be \(installed, mode enforce\)'
	ok "h$host: status and peers are told" eval "as $host '$(readme '**Start**' 1 | grep 'clockferry status')' >'$RIG_DIR/said'"
done
note "$(grep -vE '^  ok' "$RIG_DIR/doctor-A")"

# A bad one

rig_virsh A qemu-monitor-event --loop --domain db1 >"$RIG_DIR/events" &
watcher=$!
cleanup 'kill $watcher 2>/dev/null'
rig_faketime B +2
as A "$(typed 'virsh migrate')" >"$RIG_DIR/said" 2>&1
is "hB's clock is set by 2 s: virsh is refused: exit status" $? 1
like "... and says why" "$(cat "$RIG_DIR/said")" 'Hook script execution failed: .*clockferry: hB: (the host.s clock was set|what is known of the host.s clock contradicts itself|the host.s clock follows no source it can be trusted for: the clock was stepped)'
note "$(sed 's/(LC_ALL.* \/etc/(... \/etc/' "$RIG_DIR/said")"
as A "$(typed curl)" >"$RIG_DIR/said" 2>/dev/null
is "a scheduler that asks is told the same" "$(pick '[(c["destination"], c["allowed"]) for c in v["list"]]' <"$RIG_DIR/said")" "[('hB', False), ('hC', False)]"
like "... with the reason" "$(pick '[f["code"] for f in v["list"][0]["findings"]]' <"$RIG_DIR/said")" clock-stepped
is "the guest runs on where it was" "$(rig_virsh A domstate db1)" running
kill $watcher
wait $watcher 2>/dev/null
is "... and has not stood still" "$(grep -cE 'STOP|RESUME' "$RIG_DIR/events")" 0

# A good one

rig_faketime B +0
ok "once hB's clock is right again" wait_for 60 eval "as B 'clockferry doctor' >'$RIG_DIR/doctor-B'" || note "$(grep -v '^  ok' "$RIG_DIR/doctor-B")"
ok "virsh moves it" as A "$(typed 'virsh migrate')"
ok "the list has it" wait_for 30 eval "as A '$(typed 'clockferry list')' | grep -qE '^[0-9a-f]{8}-.* db1 +hA +hB .* done '"
id=$(as A 'clockferry list' | sed -n 's/^\([0-9a-f]\{8\}-[0-9a-f-]*\) .*/\1/p')
as A "clockferry show $id" >"$RIG_DIR/receipt"
note "$(cat "$RIG_DIR/receipt")"
like "somebody else drove it" "$(cat "$RIG_DIR/receipt")" 'driven by +another manager, past clockferry'
like "its blackout was measured" "$(grep -A 3 '^Blackout' "$RIG_DIR/receipt")" 'measured +\+[0-9.]+ m?s \.\. \+[0-9.]+ m?s'
like "its clock was set" "$(cat "$RIG_DIR/receipt")" 'stepped +by \+[0-9.]+ m?s at RESUME'
ok "hB has the same receipt" both_have "$id"
is "... in which its clock is closer to the right time than when it landed" \
	"$(receipt 'max(abs(x) for x in v["landing"]["residuals"][-1]["residual"].values()) < max(abs(x) for x in v["landing"]["residuals"][0]["residual"].values())')" True

# And by clockferry itself, from where it is now

as B "$(readme '**Migrate.**' 1 | for_host B)" >"$RIG_DIR/said" 2>&1
like "checked and migrated, it is back, with a receipt" "$(cat "$RIG_DIR/said")" '^(clean|breached|unverified): db1 moved from hB to hA$' ||
	note "$(cat "$RIG_DIR/said")"
finish
