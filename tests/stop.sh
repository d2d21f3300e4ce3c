#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The end of an agent with migrations under way: within the time that it has for them,
# and beyond it; and what waits for its turn waits on, for the next agent.
. "$srcdir/tests/rig/rig.sh"
RIG_DRIVER=libvirt	# at first: what libvirt does by itself
requires_rig
requires_command curl

settings=$(rig_policy '10 s')

# begin_agent STOP-WAIT: that of hA, as a job of ours; $agent is it.
begin_agent()
{
	rig_agent_conf A "$settings" "stop-wait = \"$1\"" 'outgoing = 1'
	rig_in A "$builddir/clockferryd" --config /etc/clockferry/clockferryd.conf </dev/null >>"$RIG_DIR/A/log/clockferryd" 2>&1 &
	agent=$!
	wait_for 20 rig_clockferry A version
}

# ledger_has ID: the phase that hA's ledger has of it.
ledger_has()
{
	python3 - "$RIG_DIR/A/lib/clockferry/ledger.db" "$1" <<-'P'
		import sqlite3, sys
		ledger = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
		print(*ledger.execute("SELECT phase FROM migrations WHERE id = ?", sys.argv[2:]).fetchone())
	P
}

tell_to_stop()
{
	rig_in A pkill -TERM -x clockferryd
}


rig_up
rig_certificate A
ok "the agent of hA starts" begin_agent '100 s'
rig_agent_conf B "$settings"
ok "and that of hB" rig_agent B start
for guest in g h; do
	rig_define A $guest mem=128 tick=10 >/dev/null
	rig_virsh A start $guest >&2
done
rig_define B i mem=128 tick=10 >/dev/null
rig_virsh B start i >&2
for guest in Ag Ah Bi; do
	ok "guest ${guest:1} is up" wait_for 60 rig_virsh ${guest:0:1} domtime ${guest:1}
done

# Within its time.

rig_tbf A 10mbit
begin goes A migrate g hB
id=$(its_id goes)
ok "one guest is copied" wait_for 30 copies A "$id"
begin waits A migrate h hB --timeout 60s
waiting=$(its_id waits)
ok "another one waits" wait_for 20 in_phase A "$waiting" queued
ok "the agent is told to stop" tell_to_stop
is "who waits goes on waiting" "$(rig_clockferry A show "$waiting" --json | pick 'v["phase"]')" queued
is "nothing new begins" "$(ask A PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" '{"domain": "h", "destination": "hB"}')" 503
is "that is why" "$(pick 'v["code"]' <"$RIG_DIR/answer")" quiescing
like "or comes in" "$(rig_clockferry B check i hA)" 'refuse +quiescing: hA'
ok "the copy goes on" in_phase A "$id" copying
rig_tbf A off
wait $agent
is "then it leaves: exit status" $? 0
is "the guest has moved" "$(rig_virsh B domstate g)" running
ok "hB has the whole receipt" wait_for 20 rig_clockferry B show "$id" --json
rig_clockferry B show "$id" --json >"$RIG_DIR/receipt-A"
is "it went well" "$(receipt 'v["migration"]["outcome"] + v["migration"]["reason"]')" clean
is "who waited is where it was" "$(rig_virsh A domstate h)" running

is "and waits" "$(ledger_has "$waiting")" queued
ok "its command still watches" grep -q 'trying again' "$RIG_DIR/waits"

# Beyond it.

rig_tbf A 10mbit
ok "the agent of hA starts again" begin_agent '1 s'
id=$waiting
ok "who waited has its turn, and is copied" wait_for 30 copies A "$id"
ok "which its command sees" wait_for 10 grep -q '^copying' "$RIG_DIR/waits"
ok "the agent is told to stop" tell_to_stop
wait $agent
is "it does not wait for the end of the copy: exit status" $? 0
ok "libvirt goes on with it" eval 'rig_virsh A domjobinfo h | grep -q "Memory remaining"'
rig_tbf A off
ok "the guest moves" wait_for 60 not rig_virsh A domstate h
is "and runs on hB" "$(rig_virsh B domstate h)" running

# With a gate a copy lives no longer than its agent.

RIG_DRIVER=auto
ok "the agent of hA starts once more" begin_agent '30 s'
rig_agent_conf B "$settings" 'stop-wait = "1 s"'
rig_agent B reload
ok "hB's guest may go to hA" wait_for 20 rig_clockferry B check i hA
rig_tbf B 10mbit
begin gated B migrate i hA
id=$(its_id gated)
ok "it is copied" wait_for 30 copies B "$id"
ok "the agent of hB is stopped, which is not to take long" rig_agent B stop
wait "$job"
ok "hA has dropped it" wait_for 20 in_phase A "$id" dropped
ok "the agent of hB comes again" rig_agent B start
ok "both hosts have the same receipt" both_have "$id"
like "which says why" "$(receipt 'v["driver"], v["migration"]["outcome"], v["migration"]["reason"]')" \
	'^gated aborted agent-stopping: .* 1 s have passed$'
is "the guest runs where it was" "$(rig_virsh B domstate i)" running
ok "and is nowhere else" not rig_virsh A domstate i
rig_tbf B off
ok "it is not tried again by itself, and may go" rig_clockferry B migrate i hA

for guest in g h i; do
	rig_judge $guest >"$RIG_DIR/verdict"
	is "there were never two copies of $guest" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
done
finish
