#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A rig never outlives its test, however that ends; and two of them do not meet.
. "$srcdir/tests/rig/rig.sh"
requires_rig

folder=$(mktemp -d)
cleanup 'rm -rf --one-file-system "$folder"'

# victim NAME: a test with a rig, waiting to be killed: pids[NAME]; NAME.out says up when its rig is.
declare -A pids
victim()
{
	local name=$1
	mkdir "$folder/$name"
	TMPDIR=$folder/$name env --default-signal=INT bash -c '
		. "$srcdir/tests/rig/rig.sh"
		rig_up
		rig_define A g noagent && rig_start A g
		echo up
		while :; do sleep 0.2; done' >"$folder/$name.out" 2>&1 &
	pids[$name]=$!
}

traces()
{
	grep -lFf /dev/stdin /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo 2>/dev/null <<<"$folder/$1/rig."
}

# programs NAME: what runs in it.
programs()
{
	traces "$1" | xargs -n1 dirname | sort -u | sed 's|$|/comm|' | xargs cat 2>/dev/null
}

ended()
{
	wait "${pids[$1]}" 2>/dev/null
	wait_for 20 not traces "$1"
}

files()
{
	ls -d "$folder/$1"/rig.* 2>/dev/null
}

victim early
ok "a rig begins to come up" wait_for 20 sh -c "grep -qs . $folder/early/rig.*/A/pid"
kill -TERM "${pids[early]}"
ok "after SIGTERM meanwhile nothing of it is left" ended early
is "nor a file of it" "$(files early)" ""

rig_up
for signal in INT TERM KILL; do
	victim $signal
done
for signal in INT TERM KILL; do
	ok "a rig comes up beside others, to be ended by SIG$signal" wait_for 120 grep -qx up "$folder/$signal.out"
	like "and has a guest" "$(programs $signal)" qemu-system
done
for signal in INT TERM KILL; do
	kill -$signal "${pids[$signal]}"
	ok "after SIG$signal no process or mount of it is left" ended $signal
	[ $signal = KILL ] || is "nor a file" "$(files $signal)" ""
	rm -rf --one-file-system "$folder/$signal"
	case $signal in
	INT) like "which another one does not notice" "$(programs TERM)" qemu-system ;;
	TERM) like "... nor does the last" "$(programs KILL)" qemu-system ;;
	esac
done
ok "nor does the first" rig_virsh A version
finish
