#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rig itself: what every two-host test takes for granted.
. "$srcdir/tests/rig/rig.sh"
requires_rig

# verdict EXPRESSION: Python over the judge's answer v.
verdict()
{
	pick "$1" <"$RIG_DIR/moved"
}

# ticks N: so many more of them come, which the judge needs on either side of a change.
ticks()
{
	local enough=$(($(wc -l <"$RIG_DIR/tick-g.log") + $1))
	wait_for 30 eval "[ \$(wc -l <'$RIG_DIR/tick-g.log') -gt $enough ]"
}

clock_says()
{
	"${@:2}" python3 -c "import time; print(time.clock_gettime_ns($1))"
}

# ahead HOST CLOCK-ID SECONDS: the host's clock is so far ahead of the true one, as looks at that before and after tell.
ahead()
{
	local before there after
	before=$(clock_says "$2")
	there=$(clock_says "$2" rig_in "$1")
	after=$(clock_says "$2")
	echo "$before, $there, $after"
	[ "$before" -le $((there - $3 * 1000000000)) ] && [ $((there - $3 * 1000000000)) -le "$after" ]
}

# stops HOST GUEST: the guest is paused and resumed; QEMU's own time stamp of STOP is in stamp, once there is a watcher for it.
stops()
{
	rig_virsh "$1" suspend "$2" >&2 && rig_virsh "$1" resume "$2" >&2
	grep -q 'event STOP' "$RIG_DIR/stamp"
}

# stamped_ahead HOST GUEST SECONDS: that stamp is so far ahead of the true clock.
stamped_ahead()
{
	local before=${EPOCHSECONDS} watcher stamp
	: >"$RIG_DIR/stamp"
	rig_virsh "$1" qemu-monitor-event --timestamp --event STOP --timeout 60 >"$RIG_DIR/stamp" &
	watcher=$!
	wait_for 20 stops "$1" "$2"
	wait $watcher
	stamp=$(($(date -u -d "$(sed -n 's/: event STOP.*//p' "$RIG_DIR/stamp")" +%s) - $3))
	echo "$before, $stamp, $EPOCHSECONDS"
	[ "$before" -le "$stamp" ] && [ "$stamp" -le "$EPOCHSECONDS" ]
}

rig_faketime B +3600
rig_up
for host in A B; do
	is "host $host has a name of its own" "$(rig_in $host hostname)" "h$host"
	ok "libvirtd of $host answers" rig_virsh $host version
	ok "chronyd of $host follows the reference" rig_clock_selected $host
	like "chronyd of $host answers over UDP, too" "$(rig_in $host chronyc -h 127.0.0.1 -n tracking)" 'Leap status +: Normal'
done

ok "B's clock is an hour ahead" ahead B time.CLOCK_REALTIME 3600
ok "B's CLOCK_MONOTONIC is true" ahead B time.CLOCK_MONOTONIC 0
ok "B's CLOCK_MONOTONIC_RAW is true" ahead B time.CLOCK_MONOTONIC_RAW 0
ok "A's clock is true" ahead A time.CLOCK_REALTIME 0

for host in A B; do
	rig_agent_conf $host 'port = 9437' && rig_certificate $host
	ok "the agent of $host takes the settings the rig gives it" \
		rig_in $host "$builddir/clockferryd" --config /etc/clockferry/clockferryd.conf --check-config
done

ok "a guest is defined" rig_define A g
ok "the guest starts, and its agent answers" rig_start A g
ticks 4000
ok "libvirt alone moves the guest" rig_migrate A B g
ticks 1500
rig_judge g >"$RIG_DIR/moved"
is "the guest runs on B" "$(rig_virsh B domstate g)" running
ok "its agent answers there" wait_for 10 rig_virsh B domtime g
ok "QEMU on B sees B's clock" stamped_ahead B g 3600
ok "the guest is gone from A" not rig_virsh A domstate g
is "the tick stream saw one change of host" "$(verdict 'v["hosts"]')" "['A', 'B']"
is "the gap is more than nothing" "$(verdict 'v["changes"][0]["gap_ns"] > 0')" True
is "the guest's clock fell behind by as much as it stood" \
	"$(verdict '(lambda m, s: m["low_ns"] <= -s["low_ns"] and -s["high_ns"] <= m["high_ns"])(*[v["changes"][0][k] for k in ("clock_moved_ns", "stood_ns")])')" True
is "... which it did" "$(verdict 'v["changes"][0]["stood_ns"]["low_ns"] > 0')" True
is "there were never two copies" "$(verdict 'v["two_copies"] + v["rollbacks"]')" "[]"

# What is left when it is gone.  The first processes name the folder in their command line.  The namespaces are held open
# until it is judged: the kernel would give their numbers to another rig's, which is made at the same time.
pids=$(for host in A B R; do rig_pid $host; done)
namespaces=$(for pid in $pids; do readlink "/proc/$pid/ns/net" "/proc/$pid/ns/mnt"; done)
for pid in $pids; do
	exec {held}<"/proc/$pid/ns/net" {held}<"/proc/$pid/ns/mnt"
done
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
