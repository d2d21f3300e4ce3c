# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A guest without KVM does not always survive its way, whoever moves it (policy/ramp.h): QEMU loses a write of a vCPU that waits
# for a processor just then.  The guest's kernel says on its console what it makes of that.  What such a guest does then
# says nothing about anybody: a test that failed with one is run once more, three times at most, with other guests.  So is one
# whose emulated hosts have died (tests/emulated/emu.sh).

# rig_dead: what the guests' kernels say of that; a guest that was given no processor is not dead.
rig_dead()
{
	grep -hE 'Kernel panic|BUG: |Oops: |general protection|segfault at|trap invalid opcode' "$RIG_DIR"/[AB]/log/console-* 2>/dev/null |
		grep -v lockup | head -n 3
}

# rig_again: the test itself is this script once more, whose output is told when it has ended, however that is.
rig_again()
{
	local attempt status
	[ ! "${RIG_DEAD:-}" ] || return 0
	rig_said=$(mktemp -d) rig_attempt=
	trap 'kill $rig_attempt 2>/dev/null; wait; cat "$rig_said/out"; rm -rf "$rig_said"' EXIT
	for attempt in 1 2 3; do
		RIG_DEAD=$rig_said/dead bash "$0" >"$rig_said/out" &
		rig_attempt=$!
		wait $rig_attempt
		status=$? rig_attempt=
		[ $status != 0 ] && [ -s "$rig_said/dead" ] || break
		note "died: $(paste -sd, "$rig_said/dead")"
		# There is no time for all of them where one takes long.
		[ $attempt -lt 3 ] && [ $SECONDS -lt 700 ] || break
		note "once more, with others"
		grep '^not ok' "$rig_said/out" | sed 's/^/# was: /'
		rm -f "$rig_said/dead"
	done
	exit $status
}
