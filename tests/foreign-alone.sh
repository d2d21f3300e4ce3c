#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What others drive, where not all can be known: with an agent on one host alone, with one that was killed meanwhile, with
# a guest that comes back, or that is to stay paused.  What is known is in the receipt, and for the rest why it is not.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/driven.sh"
requires_rig
requires_command curl

# on HOST ID: its receipt, to be asked with receipt.
on()
{
	rig_clockferry "$1" show "$2" --json >"$RIG_DIR/receipt-A"
}

# ends HOST N: the N-th migration there has ended, and is in $id.
ends()
{
	wait_for 30 ended "$1" "$2"
	local r=$?
	id=$(newest "$1")
	return $r
}

driven_hosts 'max-blackout = "30 s" verify-until = "2 s"'
driven_guest mem=160 dirty=32 rate=40

# The source's agent alone.

ok "hB has no agent" rig_agent B stop
ok "virsh moves the guest there" driven A B --p2p
ok "hA has a receipt" ends A 1
on A "$id"
is "it moved, and that is all that is certain" "$(receipt 'v["migration"]["outcome"], v["driver"]')" "unverified foreign"
is "to where, QEMU's connection says" "$(receipt 'v["migration"]["destination"]')" 10.99.0.2
is "what this host sees is there" "$(receipt '["stop" in v, "guest_offset_before" in v, "libvirt_downtime_ns" in v, "bytes" in v]')" "[True, True, True, True]"
is "what takes both is not" "$(receipt '["blackout" in v, "offset_during" in v, "landing" in v]')" "[False, False, False]"
like "... and it says why" "$(receipt '[w for w in v["unmeasured"] if w.startswith("blackout: ")]')" 'the agent of hB does not see it come in'
like "so does show" "$(rig_clockferry A show "$id")" 'measured +not measured: the agent of hB'
sleep 3

# The destination's alone.

ok "hB has one again" rig_agent B start
ok "and hA has none" rig_agent A stop
ok "virsh moves it back" driven B A --p2p
ok "hB, which it left, has a receipt" ends B 1
ok "virsh moves it once more" driven A B --p2p
ok "hB, to which it came, has another one" ends B 2
on B "$id"
is "it came, from where nobody knows" "$(receipt 'v["migration"]["outcome"], v["migration"]["source"], v["driver"]')" "unverified  foreign"
is "when it ran is known" "$(receipt '"resume" in v["landing"]')" True
is "its clock was not touched" "$(receipt 'v["landing"]["steps"]')" "[]"
like "... but looked at" "$(receipt 'v["landing"]["left"]')" "its clock is .* against this host's, and what it was before nobody here knows"
like "show has no name for the other host" "$(rig_clockferry B show "$id")" '^unverified: g moved from \(unknown\) to hB'
ok "hA has an agent again" rig_agent A start
driven_acquainted

# An agent that is killed in the copy.

n=$(moves A) m=$(moves B)
slowly B A 40 --p2p
rig_agent B kill
rig_agent B start
rig_tbf B off
wait $virsh
is "virsh does not mind: exit status" $? 0
ok "it has ended on hB" wait_for 60 ended B $((m + 1))
ok "and on hA" wait_for 60 ended A $((n + 1))
ok "with the same receipt" both_have "$id"
like "which says so" "$(receipt 'v["unmeasured"]')" 'the agent of hB was restarted while copying'
is "the guest runs on hA" "$(rig_virsh A domstate g)" running

# A guest that stood still already, and comes back.

n=$(moves A) m=$(moves B)
slowly A B 40 --p2p
rig_virsh A migrate-setmaxdowntime g 20000 >&2
ok "it stands still" wait_for 40 seen A paused
sleep 0.5
ok "its QEMU on hB dies" rig_in B pkill -KILL -f guest=g,
wait $virsh
failed=$?
is "virsh failed" "$((failed != 0))" 1
rig_tbf A off
ok "it has ended on both hosts" eval 'wait_for 60 ended A $((n + 1)) && wait_for 60 ended B $((m + 1))'
ok "with the same receipt" both_have "$id"
is "it came to nothing" "$(receipt 'v["migration"]["outcome"]')" aborted
is "what its guest lost at the source was measured" "$(receipt 'v["source_lost"]["low_ns"] > 300 * 10**6')" True
is "... and its clock made right there, or it says why not" \
	"$(receipt '(len(v["kept"]["steps"]) > 0 or len(v["kept"]["left"]) > 0) and len(v["kept"]["residuals"]) > 0')" True
is "it runs on hA" "$(rig_virsh A domstate g)" running

# One that is to be paused there.

n=$(moves A) m=$(moves B)
ok "virsh moves it, to stay paused" driven A B --p2p --suspend
ok "it has ended on both hosts" eval 'wait_for 60 ended A $((n + 1)) && wait_for 60 ended B $((m + 1))'
is "the guest is paused, and nobody here has resumed it" "$(rig_virsh B domstate g)" paused
ok "with the same receipt" both_have "$(newest A)"
is "it moved, and what its clock did is not known" "$(receipt 'v["migration"]["outcome"]')" unverified
ok "it is resumed" rig_virsh B resume g

# Who does not want to know.

n=$(moves A) m=$(moves B)
for host in A B; do
	rig_agent_conf $host "$settings" 'guard { measure = no }'
	rig_agent $host reload
done
ok "virsh moves it back" driven B A --p2p
sleep 5
is "with measure = no it is nobody's business" "$(moves A) $(moves B)" "$n $m"
rig_judge g >"$RIG_DIR/verdict-g"
is "there were never two copies" "$(pick 'v["two_copies"]' <"$RIG_DIR/verdict-g")" "[]"
finish
