# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A guest without KVM does not always survive its way, whoever moves it (policy/ramp.h).  What a guest that died was seen
# to do says nothing.

# lives GUEST: wherever it runs, it ticks on, and its agent answers?
lives()
{
	local host ticked
	ticked=$(stat -c %s "$RIG_DIR/tick-$1.log")
	for host in A B; do
		[ "$(rig_virsh $host domstate "$1" 2>/dev/null)" = running ] || continue
		wait_for 20 rig_ticked "$1" "$ticked" && wait_for 20 rig_virsh $host qemu-agent-command "$1" '{"execute":"guest-ping"}' >/dev/null
		return
	done
	return 1
}

# gone GUEST: from both hosts.
gone()
{
	local host
	for host in A B; do
		rig_tbf $host off
		rig_virsh $host destroy "$1" && wait_for 10 not rig_virsh $host domid "$1"
		rig_virsh $host undefine "$1"
		rm -f "$RIG_DIR/$host/log/console-$1"	# what it said is dealt with
	done
}

# with_survivor GUEST ANEW COMMAND...: a migration of it, and what holds of it; three times at most, should it die.  ANEW puts
# another guest in its place.
with_survivor()
{
	local guest=$1 anew=$2 ran=$tap_ran failed=$tap_failed tries=3
	shift 2
	while :; do
		"$@" >"$RIG_DIR/leg"
		lives "$guest" || [ $((tries -= 1)) = 0 ] && break
		note "the guest died on its way: once more, with another one"
		tap_ran=$ran tap_failed=$failed
		$anew >/dev/null 2>&1
	done
	cat "$RIG_DIR/leg"
}
