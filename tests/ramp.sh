#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What QEMU aims at, from 10 ms up: of a guest that writes nothing, one that writes steadily, one that does it in bursts, and
# while the network becomes slower.  What the pair has needed above it an agent knows after it was restarted, too.
#
# Each move has a guest of its own: one without KVM does not survive any number of passes (policy/ramp.h).
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl

limit=4000 # ms: beyond what a busy machine adds to what was aimed at
settings=$(rig_policy "$limit ms")
writer='p=$(grep -l dirt[y] /proc/[0-9]*/cmdline | head -n 1 | cut -d/ -f3)'

# inside HOST SHELL: in the guest, and not waited for.
inside()
{
	rig_virsh "$1" qemu-agent-command g "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/sh\",\"arg\":[\"-c\",\"$writer; $2\"]}}" >&2
}

guest()
{
	ok "a guest that writes" rig_define "$1" g mem=160 dirty=12 rate=40
	ok "starts" rig_start "$1" g
	ok "is to be moved" wait_for 60 rig_clockferry "$1" check g "$([ "$1" = A ] && echo hB || echo hA)"
}

gone()
{
	rig_virsh "$1" destroy g >&2
	wait_for 10 not rig_virsh "$1" domid g
	rig_virsh "$1" undefine g >&2
}

# ramp NAME HOST: of a migration begun under that name, whatever else holds of each.
ramp()
{
	wait "$job"
	like "$1: exit status" $? '^[05]$'
	ok "$1: both hosts have the same receipt" both_have "$(its_id "$1")"
	is "$1: it began at 10 ms, and went no further than it might" \
		"$(receipt '(r := v["ramp"])["first_ns"] == 10**7 <= r["last_ns"] <= r["most_ns"] <= '$limit' * 10**6')" True
	is "$1: it was raised by a quarter at least each time" "$(receipt '(r := v["ramp"])["last_ns"] >= 10**7 * 1.25 ** r["raises"] or r["last_ns"] == r["most_ns"]')" True
	is "$1: the error of the prediction is the blackout less what was shown last" "$(receipt '[v["ramp"]["error"][e] + v["migration"]["progress"]["predicted_blackout_ns"] - v["blackout"][e]
		for e in ("low_ns", "high_ns")]')" "[0, 0]"
	note "$1: $(receipt 'v["ramp"]'), blackout $(receipt 'v["blackout"]')"
}

# needed FIELD: of the receipt in hand, ms.
needed()
{
	receipt "v['ramp']['$1_ns'] // 10**6"
}

rig_up
RIG_COPY='max-downtime = "10 ms"' rig_agents "$settings"
for host in A B; do
	rig_tbf $host 400mbit
done

guest A
inside A 'kill -STOP $p'
sleep 1
begin idle A migrate g hB
ramp idle A
idle=$(needed last) above=$(needed above)
is "idle: a pair without a past may have half of the limit" "$(needed most)" $((limit / 2))
gone B

guest B
begin steady B migrate g hA
ramp steady B
is "steady: it was raised" "$(($(needed last) > 10 && $(receipt 'v["ramp"]["raises"]') > 0))" 1
is "steady: ... to more than of the one that wrote nothing" "$(($(needed last) >= idle))" 1
gone A

guest A
rig_agent A kill
rig_agent A start
ok "an agent that was killed is back" wait_for 60 rig_clockferry A check g hB
begin slower A migrate g hB
id=$(its_id slower)
ok "memory is under way" wait_for 60 copies A "$id"
rig_tbf A 150mbit
ramp slower A
is "slower: of the limit it had what the pair had not needed above before" "$(needed most)" $((limit - above > 10 ? limit - 1 - above : 10))
is "slower: it was raised" "$(($(receipt 'v["ramp"]["raises"]') > 0))" 1
rig_tbf A 400mbit
gone B

guest B
inside B 'while kill -STOP $p; do sleep 1; kill -CONT $p; sleep 1; done'
begin bursty B migrate g hA
ramp bursty B
is "it runs where it came to" "$(rig_virsh A domstate g)" running
rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies" "$(pick 'v["two_copies"]' <"$RIG_DIR/verdict")" "[]"
note "ticks that a guest had forgotten when it came: $(pick 'len(v["forgotten"])' <"$RIG_DIR/verdict")"
finish
