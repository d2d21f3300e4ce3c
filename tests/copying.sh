#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A copy that gets nowhere is given up, with its reason, and the guest runs on where it is: one that
# stands still, and one of a guest that writes faster than can be sent.  Slowed down by
# auto-converge the same guest gets there.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl

# rules COPY MAX-BLACKOUT: from here on a copy is given up by these; that which a case is not about is out of its way.
rules()
{
	local host
	for host in A B; do
		RIG_COPY=$1 rig_agent_conf $host "$(rig_policy "$2")"
		rig_agent $host reload
	done
}

# gives_up NAME REASON: the migration begun as that ends so, and its guest runs on.
gives_up()
{
	wait "$job"
	is "$1: exit status" $? 4
	ok "$1: both hosts have the same receipt" wait_for 20 both_have "$id"
	like "$1: it says why" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" "^aborted: $2"
	is "$1: the guest runs on hA" "$(rig_virsh A domstate g)" running
	ok "$1: nothing of it is left on hB" wait_for 30 not rig_virsh B domstate g
}

rig_up
RIG_COPY='no-progress = "2 s" converge = "1 h"' rig_agents "$(rig_policy '1 s')"
ok "there is a guest" rig_define A g dirty=32 rate=100
ok "it starts" rig_start A g
ok "nothing speaks against moving it" wait_for 60 rig_clockferry A check g hB
rig_tbf A 200mbit

# Nothing is read at the other end, and libvirtd answers all the same.
begin stuck A migrate g hB
id=$(its_id stuck)
ok "memory is under way" wait_for 60 copies A "$id"
ok "the destination's QEMU stands still" rig_in B pkill -STOP qemu-system
gives_up "stands still" "the copy was given up: nothing was sent for longer than 2 s"

ok "what stands still is waited for from here on" rules 'no-progress = "1 h" converge = "4 s"' '1 s'
begin fast A migrate g hB
id=$(its_id fast)
gives_up "too fast" "the copy was given up: the guest writes faster than can be sent, for longer than 4 s"

ok "and so is a guest that writes too fast" rules 'no-progress = "1 h" converge = "1 h"' '2 s'
begin slowed A migrate g hB --auto-converge --auto-converge-initial 90 --auto-converge-increment 9
id=$(its_id slowed)
wait "$job"
like "slowed down it gets there: exit status" $? '^[05]$'
ok "both hosts have the same receipt" wait_for 20 both_have "$id"
is "and at its last look it was" "$(receipt 'v["migration"]["progress"].get("throttle_percent", 0) >= 90')" True
is "it runs on hB" "$(rig_virsh B domstate g)" running

rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies, nor one that went back" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
finish
