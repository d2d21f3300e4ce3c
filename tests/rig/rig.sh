# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The rig: hosts A and B (hA 10.99.0.1, hB 10.99.0.2) and R, where the
# reference clock and the collector of tick streams live (10.99.0.254), on
# one machine.  Each has its own network, mounts, host name and processes;
# the kernel and its clock they share.  A test says:
#
#	. "$srcdir/tests/rig/rig.sh"
#	requires_rig
#	rig_up
#	rig_define A g dirty=64 rate=40 && rig_start A g
#	...
#	finish
#
# and whatever happens to it, nothing stays behind.  Everything a host writes
# is in $RIG_DIR/A/{etc,run,lib,log,cache}: those are its /etc, /run, and
# /var/{lib,log,cache}.
#
# With rig_family=6 before rig_up the hosts have IPv6 addresses alone, fd99::1, fd99::2 and fd99::254.
#
# RIG_DIR    the rig's own folder, which rig_down removes with all that is in it (default: a new one)
# RIG_CACHE  where kernel and initramfs of the guest, and more that takes its time, are kept between runs
# RIG_LEVEL  log level of libvirtd (default 2; 1 is debug)

. "$srcdir/tests/tap.sh"
. "$srcdir/tests/rig/libvirt.sh"
. "$srcdir/tests/rig/clock.sh"
. "$srcdir/tests/rig/guest.sh"
. "$srcdir/tests/rig/agent.sh"
. "$srcdir/tests/rig/ask.sh"
. "$srcdir/tests/rig/again.sh"

: "${RIG_CACHE:=$builddir/tests/rig/cache}"
rig_programs=$builddir/tests/rig
rig_stay=
rig_family=4

requires_rig()
{
	local reason
	requires_root
	requires_command ip tc nsenter unshare libvirtd virsh chronyd chronyc qemu-system-x86_64 python3 cpio depmod modprobe
	[ -x /usr/sbin/qemu-ga ] || skip_all "needs qemu-guest-agent"
	[ "$(rig_faketime_library)" ] || skip_all "needs libfaketime"
	[ -x /bin/busybox ] || skip_all "needs busybox-static"
	[ -x "$rig_programs/host" ] || skip_all "needs $rig_programs/host: make check builds it"
	reason=$(unshare -nmuip --fork true 2>&1) || skip_all "may not make namespaces here: $reason"
	# Whoever enters a mount namespace leaves a chroot: the hosts would share the real /run.
	[ "$(stat -c %d:%i /)" = "$(nsenter -t $$ -m stat -c %d:%i /)" ] || skip_all "this is a chroot"
	[ "$(uname -m)" = x86_64 ] || skip_all "its guest is x86-64"
	case $(readlink -f "$srcdir") in
	/etc/* | /run/* | /var/lib/* | /var/log/* | /var/cache/*) skip_all "the sources lie where a host has its own files" ;;
	esac
	reason=$(rig_image 2>&1) || skip_all "no guest could be made: ${reason##*$'\n'}"
	case $(readlink -f "$0") in
	*/tests/faults.sh) ;;	# each of its cells is a test
	*/tests/*.sh) rig_again ;;
	esac
}

rig_address()
{
	local prefix=10.99.0.
	[ "$rig_family" = 4 ] || prefix=fd99::
	case $1 in
	A) echo ${prefix}1 ;;
	B) echo ${prefix}2 ;;
	R) echo ${prefix}254 ;;
	net) echo "${prefix}0/$([ "$rig_family" = 4 ] && echo 24 || echo 64)" ;;
	*) echo "no host $1" >&2; return 1 ;;
	esac
}

# rig_give PID DEVICE HOST: its address, in use at once.
rig_give()
{
	local flags=()
	[ "$rig_family" = 4 ] || flags=(nodad)
	nsenter -t "$1" -n ip addr add "$(rig_address "$3")/$(rig_address net | cut -d/ -f2)" dev "$2" "${flags[@]}"
}

# rig_pid HOST: the first process of the host, if it is still the one we started.
rig_pid()
{
	local pid
	pid=$(cat "$RIG_DIR/$1/pid" 2>/dev/null) || return 1
	tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$RIG_DIR/$1" && echo "$pid"
}

# rig_in HOST COMMAND...: runs it on that host.
rig_in()
{
	local host=$1 pid env
	shift
	pid=$(rig_pid "$host") || { echo "host $host is not up" >&2; return 1; }
	mapfile -t env < <(rig_fake_env "$host")
	nsenter -t "$pid" -n -m -u -i -p -- env "${env[@]}" "$@"
}

rig_folder()
{
	[ "${RIG_DIR:-}" ] || RIG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rig.XXXXXX")
	mkdir -p "$RIG_DIR"
}

# What a host finds in its own /etc is the machine's, but for what the rig is about.
rig_furnish()
{
	local host=$1 dir=$RIG_DIR/$1
	mkdir -p "$dir"/{run/libvirt,run/lock,run/chrony,lib/libvirt/qemu,lib/chrony,lib/clockferry,log/libvirt/qemu,log/chrony,cache/libvirt/qemu}
	chmod 0700 "$dir"
	chmod 0750 "$dir/run/chrony" # any wider, and chronyd makes no socket in it
	cp -a /etc "$dir/etc"
	rm -rf "$dir"/etc/{chrony,clockferry,libvirt/qemu/networks,libvirt/hooks} "$dir"/etc/libvirt/nwfilter/*
	mkdir -p "$dir"/etc/{chrony,clockferry,libvirt/hooks}
	printf '127.0.0.1 localhost\n%s hA\n%s hB\n%s hR\n' "$(rig_address A)" "$(rig_address B)" "$(rig_address R)" >"$dir/etc/hosts"
	echo "h$host" >"$dir/etc/hostname"
	tr -d - </proc/sys/kernel/random/uuid >"$dir/etc/machine-id"
	[ ! -e "$dir/faked" ] || cp "$dir/faked" "$dir/etc/faketimerc"
	rig_libvirt_conf "$host"
	rig_libvirt_recall "$host"
	rig_chrony_conf "$host"
}

rig_place()
{
	local dir=$RIG_DIR/$1
	"$rig_programs/host" $rig_stay "h$1" "$dir/pid" "$srcdir/tests/rig/host-init" "$dir" </dev/null >"$dir/log/host.log" 2>&1 &
	disown $!
}

# What the kernel calls this boot of the host, and when it was.
rig_boot()
{
	cat /proc/sys/kernel/random/uuid >"$RIG_DIR/$1/boot" && "$rig_programs/host" --boot "$RIG_DIR/$1/run/utmp"
}

# A bridge on R; each host's only cable ends there.
rig_wire()
{
	local r host
	r=$(rig_pid R) || return
	nsenter -t "$r" -n ip link add br0 type bridge || return
	rig_give "$r" br0 R || return
	nsenter -t "$r" -n ip link set br0 up || return
	for host in A B; do
		rig_cable $host || return
	done
}

rig_cable()
{
	local host=$1 r
	r=$(rig_pid R) || return
	nsenter -t "$r" -n ip link add "to$host" type veth peer name eth0 netns "$(rig_pid "$host")" || return
	nsenter -t "$r" -n ip link set "to$host" master br0 up || return
	rig_give "$(rig_pid "$host")" eth0 "$host" || return
	nsenter -t "$(rig_pid "$host")" -n ip link set eth0 up
}

# rig_up: brings everything up; a test that cannot have its rig ends here.
rig_up()
{
	local host
	cleanup rig_down
	[ ! "${RIG_DEAD:-}" ] || cleanup 'rig_dead >"$RIG_DEAD"'
	rig_try_up && return
	note "the rig did not come up"
	for host in R A B; do
		tail -n 20 "$RIG_DIR/$host/log/host.log" "$RIG_DIR/$host"/log/libvirt/libvirtd.log 2>/dev/null | sed 's/^/# /'
	done
	echo "Bail out! the rig did not come up"
	exit 1
}

rig_try_up()
{
	local host
	rig_folder
	for host in R A B; do
		rig_furnish $host || return
		rig_boot $host
		rig_place $host
	done
	for host in R A B; do
		wait_for 10 test -s "$RIG_DIR/$host/pid" -a -e "$RIG_DIR/$host/ready" || return
	done
	rig_wire || return
	for host in R A B; do
		rig_chrony $host start || return
	done
	for host in A B; do
		rig_libvirtd $host start || return
	done
	for host in A B; do
		wait_for 30 rig_virsh $host version || return
		rig_clock_wait $host || return
	done
	rig_libvirt_remember A
}

# rig_power HOST off|on: every process of it ends at once, and what is in its /run is gone; its disk stays.
rig_power()
{
	local host=$1 pid
	case $2 in
	off)
		pid=$(rig_pid "$host") || return
		kill -KILL "$pid" && wait_for 10 not test -e "/proc/$pid" || return
		rm -rf "$RIG_DIR/$host/run" "$RIG_DIR/$host/pid" "$RIG_DIR/$host/ready"
		nsenter -t "$(rig_pid R)" -n ip link del "to$host" 2>/dev/null # or it went with the other end
		mkdir -p "$RIG_DIR/$host"/run/{libvirt,lock,chrony}
		chmod 0750 "$RIG_DIR/$host/run/chrony"
		;;
	on)
		rig_boot "$host"
		rig_place "$host"
		wait_for 10 test -s "$RIG_DIR/$host/pid" -a -e "$RIG_DIR/$host/ready" && rig_cable "$host" &&
			rig_chrony "$host" start && rig_libvirtd "$host" start && wait_for 30 rig_virsh "$host" version
		;;
	*) return 2 ;;
	esac
}

# rig_down: every process of every host, its namespaces, its mounts, its files.
rig_down()
{
	local host pid
	for host in A B R; do
		pid=$(rig_pid $host) && kill -KILL "$pid" && wait_for 10 not test -e "/proc/$pid"
	done
	[ "${RIG_DIR:-}" ] && rm -rf --one-file-system "$RIG_DIR"
}

# rig_tbf HOST RATE|off: what the host sends goes no faster ("200mbit").
rig_tbf()
{
	if [ "$2" = off ]; then
		rig_in "$1" tc qdisc del dev eth0 root
	else
		rig_in "$1" tc qdisc replace dev eth0 root tbf rate "$2" burst 64kb latency 400ms
	fi
}
