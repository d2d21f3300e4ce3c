#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rig itself: what every two-host test takes for granted.
. "$srcdir/tests/rig/rig.sh"
requires_rig

# verdict EXPRESSION: Python over the judge's answer v.
verdict()
{
	rig_judge g | python3 -c "import json, sys; v = json.load(sys.stdin); print($1)"
}

# ahead HOST CLOCK-ID: by how many ms the host's clock is ahead of the true one.
ahead()
{
	local before after there
	before=$(python3 -c "import time; print(time.clock_gettime_ns($2))")
	there=$(rig_in "$1" python3 -c "import time; print(time.clock_gettime_ns($2))")
	after=$(python3 -c "import time; print(time.clock_gettime_ns($2))")
	echo $(((there - (before + after) / 2) / 1000000))
}

# near GOT WANTED TOLERANCE
near()
{
	[ "$1" -gt $(($2 - $3)) ] && [ "$1" -lt $(($2 + $3)) ]
}

# stop_stamp HOST GUEST: QEMU's own time stamp of STOP, in seconds; the guest is paused and resumed.
stop_stamp()
{
	local stamp=$RIG_DIR/stamp watcher
	rig_virsh "$1" qemu-monitor-event --timestamp --event STOP --timeout 10 >"$stamp" &
	watcher=$!
	sleep 1
	rig_virsh "$1" suspend "$2" >&2 && rig_virsh "$1" resume "$2" >&2
	wait $watcher
	date -u -d "$(sed -n 's/: event STOP.*//p' "$stamp")" +%s
}

rig_faketime B +3600
rig_up
for host in A B; do
	is "host $host has a name of its own" "$(rig_in $host hostname)" "h$host"
	ok "libvirtd of $host answers" rig_virsh $host version
	ok "chronyd of $host follows the reference" rig_clock_selected $host
	like "chronyd of $host answers over UDP, too" "$(rig_in $host chronyc -h 127.0.0.1 -n tracking)" 'Leap status +: Normal'
done

ok "B's clock is an hour ahead" near "$(ahead B time.CLOCK_REALTIME)" 3600000 500
ok "B's CLOCK_MONOTONIC is true" near "$(ahead B time.CLOCK_MONOTONIC)" 0 500
ok "B's CLOCK_MONOTONIC_RAW is true" near "$(ahead B time.CLOCK_MONOTONIC_RAW)" 0 500
ok "A's clock is true" near "$(ahead A time.CLOCK_REALTIME)" 0 500

for host in A B; do
	rig_agent_conf $host 'port = 9437' && rig_certificate $host
	ok "the agent of $host takes the settings the rig gives it" \
		rig_in $host "$builddir/clockferryd" --config /etc/clockferry/clockferryd.conf --check-config
done

ok "a guest is defined" rig_define A g
ok "the guest starts, and its agent answers" rig_start A g
sleep 1
ok "libvirt alone moves the guest" rig_migrate A B g
sleep 1
is "the guest runs on B" "$(rig_virsh B domstate g)" running
ok "its agent answers there" wait_for 10 rig_virsh B domtime g
ok "QEMU on B sees B's clock" near $(($(stop_stamp B g) - $(date +%s))) 3600 5
ok "the guest is gone from A" not rig_virsh A domstate g
is "the tick stream saw one change of host" "$(verdict 'v["hosts"]')" "['A', 'B']"
is "the gap is more than nothing" "$(verdict 'v["changes"][0]["gap_ns"] > 0')" True
is "the guest's clock fell behind by about as much" \
	"$(verdict 'abs(v["changes"][0]["clock_before_ns"] - v["changes"][0]["clock_after_ns"]) <= v["changes"][0]["gap_ns"] + 10**7')" True
is "there were never two copies" "$(verdict 'v["two_copies"] + v["rollbacks"]')" "[]"

# What is left when it is gone.  The first processes name the folder in their command line.
pids=$(for host in A B R; do rig_pid $host; done)
namespaces=$(for pid in $pids; do readlink "/proc/$pid/ns/net" "/proc/$pid/ns/mnt"; done)
rig_down
remains()
{
	ls -d "$RIG_DIR" 2>/dev/null
	grep -lFf /dev/stdin /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo 2>/dev/null <<<"$RIG_DIR"
	for link in /proc/[0-9]*/ns/net /proc/[0-9]*/ns/mnt; do
		grep -xF "$(readlink "$link" 2>/dev/null)" <<<"$namespaces"
	done
}
is "no process, namespace, mount or file stays behind" "$(remains)" ""
finish
