#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The commit gate on two hosts: a guest either runs at the destination within policy, or runs on
# at the source, whichever agent dies in between.  The outside tick stream is the judge of that.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl

settings=$(rig_policy '10 s')

# ends ID OUTCOME: how it ended, as both receipts have it.
ends()
{
	both_have "$1" && [ "$(receipt 'v["migration"]["outcome"]')" = "$2" ]
}

# stays WHAT ID: the guest runs on hA, and nothing of it is left on hB.
stays()
{
	ok "$1: both hosts have the same receipt, aborted" wait_for 30 ends "$2" aborted
	ok "$1: the guest runs on hA" wait_for 20 runs_on A
	ok "$1: hB has no such domain" wait_for 20 not rig_virsh B domstate g
	note "$1: $(receipt 'v["migration"]["reason"]')"
}

runs_on()
{
	[ "$(rig_virsh "$1" domstate g)" = running ]
}

# silent: no word of the guest for half a second.
silent()
{
	local size
	size=$(stat -c %s "$RIG_DIR/tick-g.log")
	sleep 0.5
	[ "$(stat -c %s "$RIG_DIR/tick-g.log")" = "$size" ]
}

# armed SENTENCE: hA's migration $id has come so far that a commit may be sent, and is not past that soon.
armed()
{
	ok "$1" wait_for 120 in_phase A "$id" armed
	rig_tbf A 10mbit
}

rig_up
rig_agents "$settings"
ok "there is a guest" rig_define A g dirty=48 rate=20
ok "it starts" rig_start A g
ok "nothing speaks against moving it" wait_for 60 rig_clockferry A check g hB

# It is let run.

rig_clockferry A migrate g hB --json >"$RIG_DIR/said"
is "through the gate: exit status" $? 0
id=$(pick 'v["migration"]["id"]' <"$RIG_DIR/said")
ok "both hosts have the same receipt, clean" ends "$id" clean
is "by the driver with a gate" "$(receipt 'v["driver"], v["gated"]["committed"], v["gated"]["word"]')" "gated True ran"
is "it has what the decision was made of" "$(receipt 'v["gated"]["so_far_ns"] < v["gated"]["expected_ns"] <= v["gated"]["limit_ns"]
	and v["gated"]["source_clock"] == v["gated"]["destination_clock"] == "synchronised"')" True
is "one durable write stood between STOP and RESUME, and was measured" \
	"$(receipt '0 < v["gated"]["obeyed_took_ns"] < v["blackout"]["high_ns"]')" True
is "it was obeyed while the commit was valid" \
	"$(receipt '0 <= v["gated"]["spare_ns"] <= v["gated"]["limit_ns"] - v["gated"]["expected_ns"]')" True
is "hA's phases" "$(receipt '[p["phase"] for p in v["phases"] if p["phase"] in ("armed", "loaded", "committing")]')" \
	"['armed', 'loaded', 'committing']"
is "hB's phases" "$(receipt '[p["phase"] for p in v["landing"]["phases"] if p["phase"] in ("prepared", "armed", "obeyed", "running")]')" \
	"['prepared', 'armed', 'obeyed', 'running']"
ok "hA knows the domain no longer" not rig_virsh A domstate g
rig_clockferry B migrate g hA --json >"$RIG_DIR/said"
is "and back: exit status" $? 0
cp "$RIG_DIR/said" "$RIG_DIR/landed"

# It is called back at the gate: nothing could be so fast.

rig_clockferry A migrate g hB --max-blackout 4ms --json --override blackout-predicted --reason "for the gate" >"$RIG_DIR/said"
is "beyond the limit at the gate: exit status" $? 4
id=$(pick 'v["migration"]["id"]' <"$RIG_DIR/said")
stays "beyond the limit" "$id"
is "it was rolled back" "$(receipt 'v["gated"]["committed"], v["migration"]["reason"] != ""')" "False True"
is "what the guest lost is measured, and its clock was looked after" \
	"$(receipt 'v["source_lost"]["high_ns"] > 0 and "resume" in v["kept"]')" True

# An agent dies while memory is copied.

rig_tbf A 100mbit
begin dies A migrate g hB
id=$(its_id dies)
ok "memory is under way" wait_for 60 copies A "$id"
ok "the source's agent dies" rig_agent A kill
wait $job
ok "hB drops what came, as nobody speaks to it" wait_for 60 in_phase B "$id" dropped
is "it says so" "$(ask B GET "/v1/migrations/$id" >/dev/null; pick '"has said nothing" in v["reason"]' <"$RIG_DIR/answer")" True
ok "the source's agent comes back" rig_agent A start
stays "the source's agent died" "$id"

begin dies A migrate g hB
id=$(its_id dies)
ok "memory is under way" wait_for 60 copies A "$id"
ok "the destination's agent dies" rig_agent B kill
wait $job
is "the destination's agent died: exit status" $? 4
ok "the destination's agent comes back" rig_agent B start
stays "the destination's agent died" "$id"

# It is aborted when it may converge any moment.

begin aborted A migrate g hB
id=$(its_id aborted)
armed "it is armed"
rig_clockferry A abort "$id" >"$RIG_DIR/abort" 2>&1
is "an abort then: exit status" $? 0
wait $job
is "and of who waited for it" $? 4
stays "aborted" "$id"

# The same is asked for at the destination, which has the source do it.

rig_tbf A 100mbit
begin wished A migrate g hB
id=$(its_id wished)
ok "memory is under way" wait_for 60 copies A "$id"
ok "to hB, which waits for it" wait_for 20 in_phase B "$id" "prepared|armed"
rig_clockferry B abort "$id" >"$RIG_DIR/abort" 2>&1
is "an abort at the destination: exit status" $? 0
wait $job
is "and of who waited for the guest" $? 4
stays "aborted at the destination" "$id"
is "both say who asked, and where" "$(receipt 'v["migration"]["reason"]')" "aborted by uid 0 (root), at hB"
ok "no QEMU of it is left there" not rig_in B pgrep -f guest=g,

# ... and does it by itself when the source is not there to be asked.

begin alone A migrate g hB
id=$(its_id alone)
armed "it is armed"
ok "and so is hB, where its domain is" wait_for 60 in_phase B "$id" armed
rig_agent A freeze
rig_clockferry B abort "$id" >"$RIG_DIR/abort" 2>&1 &
abort=$!
ok "hB gives up what came" wait_for 20 in_phase B "$id" dropped
is "as it was asked to" "$(ask B GET "/v1/migrations/$id" >/dev/null; pick 'v["reason"]' <"$RIG_DIR/answer")" "aborted by uid 0 (root)"
rig_agent A thaw
wait $abort
is "the abort's exit status" $? 0
wait $job
is "and of who waited for the guest" $? 4
stays "aborted at the destination alone" "$id"
rig_tbf A off

# The source loses its ledger while it waits for an answer to its commit: the destination tells what there was.

rig_tbf A 100mbit
begin forgets A migrate g hB
id=$(its_id forgets)
armed "it is armed"
ok "on both hosts" wait_for 20 in_phase B "$id" "armed|loaded"
ok "hB hears nothing more" rig_agent B freeze
rig_tbf A off
ok "the commit is sent" wait_for 60 in_phase A "$id" "committing|in-doubt"
ok "the source's agent dies" rig_agent A kill
wait $job
rm -f "$RIG_DIR"/A/lib/clockferry/ledger.db*
is "the guest stands still" "$(rig_virsh A domstate g)" paused
ok "hB hears again" rig_agent B thaw
ok "the source's agent comes back without a ledger" rig_agent A start
stays "the source's ledger was lost" "$id"
like "hA's log says what it was told" "$(cat "$RIG_DIR/A/log/clockferryd")" "$id.*the ledger was lost: .*taken up again as in-doubt"
like "and its receipt" "$(receipt '" ".join(v["unmeasured"])')" "the agent of hA was restarted while in-doubt"

# It is aborted when the guest stands still already, and QEMU waits for libvirtd, which hangs, before it sends the rest.

rig_tbf A 400mbit
begin held A migrate g hB
id=$(its_id held)
ok "memory is under way" wait_for 60 copies A "$id"
ok "the source's libvirtd hangs" rig_libvirtd A freeze
rig_tbf A off # of which the agent will not put up with any length
ok "QEMU stops the guest by itself" wait_for 20 silent
rig_clockferry A abort "$id" >"$RIG_DIR/abort" 2>&1 &
abort=$!
sleep 1
ok "an abort is asked for, and libvirtd goes on" rig_libvirtd A thaw
wait $abort
is "the abort's exit status" $? 0
wait $job
is "and of who waited for it" $? 4
stays "aborted in pre-switchover" "$id"
is "what the guest lost is measured" "$(receipt 'v["source_lost"]["high_ns"] > 0')" True

# What the tick stream says to all that.

rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies, nor one that went back" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
is "it changed host twice, and no more" "$(pick 'len(v["changes"])' <"$RIG_DIR/verdict")" 2
is "the blackout it saw is the receipt's" "$(python3 - "$RIG_DIR/verdict" "$RIG_DIR/landed" <<-'P'
	import json, sys
	s, b = json.load(open(sys.argv[1]))["changes"][1]["stood_ns"], json.load(open(sys.argv[2]))["blackout"]
	print(s["low_ns"] <= b["high_ns"] and b["low_ns"] <= s["high_ns"])
P
)" True

finish
