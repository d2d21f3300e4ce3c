# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Guests of the rig, and the outside tick stream that each of them feeds.

rig_image()
{
	"$srcdir/tests/rig/guest/build.sh" "$RIG_CACHE" "$rig_programs/guest" >/dev/null
}

# The same path on both hosts, and a FIFO of its own on each: that is how the stream knows the host.
rig_tick_start()
{
	local guest=$1 host streams=()
	[ -e "$RIG_DIR/tick-$guest.log" ] && return
	for host in A B; do
		mkfifo "$RIG_DIR/$host/log/tick-$guest"
		streams+=("$host=$RIG_DIR/$host/log/tick-$guest")
	done
	: >"$RIG_DIR/tick-$guest.log"
	rig_in R sh -c '"$@" </dev/null >>"'"$RIG_DIR/tick-$guest.log"'" 2>>/var/log/collect.log &' sh "$rig_programs/collect" "${streams[@]}"
}

# rig_define HOST GUEST [mem=MB] [uuid=U] [machine=M] [clock=XML] [extra=XML] [past=XML] [words of guest/init...]
# past: what goes to QEMU past libvirt.
rig_define()
{
	local host=$1 guest=$2 word xml=$RIG_DIR/$2.xml
	local words="console=ttyS0 quiet cryptomgr.notests" # those tests are a quarter of an emulated guest's start
	local mem=192 uuid machine=q35 clock="<clock offset='utc'/>" extra= past=
	shift 2
	uuid=$(cat /proc/sys/kernel/random/uuid)
	for word; do
		case $word in
		mem=* | uuid=* | machine=* | clock=* | extra=* | past=*) printf -v "${word%%=*}" %s "${word#*=}" ;;
		*) words+=" $word" ;;
		esac
	done
	rig_tick_start "$guest"
	cat >"$xml" <<-X
		<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		<name>$guest</name><uuid>$uuid</uuid><memory unit='MiB'>$mem</memory><vcpu>1</vcpu>
		<os><type arch='x86_64' machine='$machine'>hvm</type>
		<kernel>$RIG_CACHE/vmlinuz</kernel><initrd>$RIG_CACHE/initrd</initrd><cmdline>$words</cmdline></os>
		<features><acpi/></features><cpu mode='custom' match='exact'><model>qemu64</model></cpu>
		$clock
		<on_poweroff>destroy</on_poweroff><on_crash>destroy</on_crash>
		<devices>
		<serial type='file'><source path='/var/log/console-$guest' append='on'/><target port='0'/></serial>
		<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
		<channel type='pipe'><source path='/var/log/tick-$guest'/><target type='virtio' name='org.clockferry.tick.0'/></channel>
		$extra
		<memballoon model='none'/>
		</devices>$past</domain>
	X
	rig_virsh "$host" define "$xml"
}

# rig_start HOST GUEST: starts it and waits until it is up, its ticks and its agent included if it has them.
rig_start()
{
	local ticked boots
	ticked=$(stat -c %s "$RIG_DIR/tick-$2.log")
	boots=$(rig_boots "$1" "$2")
	rig_virsh "$1" start "$2" && wait_for 120 rig_booted "$1" "$2" "$boots" || return
	grep -q '<cmdline>.* tick=0' "$RIG_DIR/$2.xml" || wait_for 30 rig_ticked "$2" "$ticked" || return
	grep -qE '<cmdline>.* (noagent|agent=)' "$RIG_DIR/$2.xml" || wait_for 30 rig_virsh "$1" domtime "$2"
}

# rig_boots HOST GUEST: how often it has come up there; rig_booted HOST GUEST N: more often than that.
rig_boots()
{
	cat "$RIG_DIR/$1/log/console-$2" 2>/dev/null | grep -c BOOTED
}

rig_booted()
{
	[ "$(rig_boots "$1" "$2")" -gt "$3" ]
}

# rig_start_beside HOST GUEST...: they begin to start, beside each other and the test; rig_started GUEST is when it is up.
declare -A rig_starting
rig_start_beside()
{
	local host=$1 guest
	shift
	for guest; do
		rig_start "$host" "$guest" &
		rig_starting[$guest]=$!
	done
}

rig_started()
{
	wait "${rig_starting[$1]}"
}

# rig_ticked GUEST SIZE: its stream went on beyond what it had.
rig_ticked()
{
	[ "$(stat -c %s "$RIG_DIR/tick-$1.log")" -gt "$2" ]
}

rig_judge()
{
	python3 "$srcdir/tests/rig/judge.py" "$RIG_DIR/tick-$1.log"
}
