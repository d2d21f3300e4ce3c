#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A rig never outlives its test, however that ends; and two of them do not meet.
. "$srcdir/tests/rig/rig.sh"
requires_rig

folder=$(mktemp -d)
cleanup 'rm -rf --one-file-system "$folder"'

# victim NAME: a test with a rig, waiting to be killed; NAME.out says up when its rig is.
victim()
{
	local name=$1
	TMPDIR=$folder env --default-signal=INT bash -c '
		. "$srcdir/tests/rig/rig.sh"
		rig_up
		rig_define A g noagent && rig_start A g
		echo up
		while :; do sleep 0.2; done' >"$folder/$name.out" 2>&1 &
	pid=$!
}

traces()
{
	grep -lFf /dev/stdin /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo 2>/dev/null <<<"$folder/rig."
}

ended()
{
	wait "$pid" 2>/dev/null
	wait_for 20 not traces
}

for signal in INT TERM KILL; do
	victim $signal
	ok "a rig comes up, to be ended by SIG$signal" wait_for 60 grep -qx up "$folder/$signal.out"
	like "and has a guest" "$(traces | xargs -n1 dirname | sort -u | sed 's|$|/comm|' | xargs cat)" qemu-system
	kill -$signal $pid
	ok "after SIG$signal no process or mount of it is left" ended
	[ $signal = KILL ] || is "nor a file" "$(ls -d "$folder"/rig.* 2>/dev/null)" ""
	rm -rf --one-file-system "$folder"/rig.*
done

victim early
ok "a rig begins to come up" wait_for 20 sh -c "grep -qs . $folder/rig.*/A/pid"
kill -TERM $pid
ok "after SIGTERM meanwhile nothing of it is left" ended
is "nor a file of it" "$(ls -d "$folder"/rig.* 2>/dev/null)" ""

rig_up
victim second
ok "a second rig comes up beside the first" wait_for 60 grep -qx up "$folder/second.out"
kill -TERM $pid
ok "and goes" ended
ok "which the first does not notice" rig_virsh A version
finish
