# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A guest without KVM does not always survive its way, whoever moves it (policy/ramp.h): QEMU loses a write of a vCPU that waits
# for a processor just then.  The guest's kernel says on its console what it makes of that.  What such a guest does then
# says nothing about anybody: a test that failed with one is run once more, three times at most, with other guests.

# rig_dead: what the guests' kernels say of that.
rig_dead()
{
	grep -hE 'Kernel panic|BUG: |Oops: |general protection|segfault at|trap invalid opcode' "$RIG_DIR"/[AB]/log/console-* 2>/dev/null | head -n 3
}

# rig_again: the test itself is this script once more, whose output is told when it has ended.
rig_again()
{
	local said attempt status child
	[ ! "${RIG_DEAD:-}" ] || return 0
	said=$(mktemp -d)
	cleanup "rm -rf '$said'"
	for attempt in 1 2 3; do
		RIG_DEAD=$said/dead bash "$0" >"$said/out" &
		child=$!
		cleanup "kill $child 2>/dev/null; wait $child"
		wait $child
		status=$?
		[ $status != 0 ] && [ -s "$said/dead" ] && [ $attempt -lt 3 ] || break
		note "a guest has died: once more, with others" "$(cat "$said/dead")"
		grep '^not ok' "$said/out" | sed 's/^/# was: /'
		rm -f "$said/dead"
	done
	cat "$said/out"
	exit $status
}
