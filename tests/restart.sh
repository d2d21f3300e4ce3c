#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Agents are killed while a guest is on its way, and started again: the migration goes on, or is
# taken up, and ends in the same receipt on both hosts; the guest runs once.
. "$srcdir/tests/rig/rig.sh"
RIG_DRIVER=libvirt	# what is tried here is what libvirt does by itself
. "$srcdir/tests/rig/ask.sh"
requires_rig
requires_command curl

settings=$(rig_policy '5 s')
changes=0	# how often the guest went from one host to the other

# edges HOST ID: what the ledger of that host has of it, as phases with what led there.
edges()
{
	python3 - "$RIG_DIR/$1/lib/clockferry/ledger.db" "$2" <<-'P'
		import sqlite3, sys
		rows = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("""SELECT edges.phase, event FROM edges
			JOIN migrations ON number = migration WHERE id = ? ORDER BY edges.rowid""", (sys.argv[2],))
		print(" ".join("%s(%s)" % row for row in rows))
	P
}

# back HOST...: their agents are killed, and come again.
back()
{
	local host
	for host; do
		rig_agent "$host" kill || return
	done
	for host; do
		rig_agent "$host" start || return
	done
}

# ended ID FROM TO SENTENCE: what holds of a guest that arrived, whoever died meanwhile.
ended()
{
	local id=$1 from=$2 to=$3
	changes=$((changes + 1))
	ok "$4: it ends" wait_for 60 in_phase "$from" "$id" done
	ok "... on both hosts" wait_for 60 in_phase "$to" "$id" done
	ok "... with the same receipt" both_have "$id"
	note "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')"
	receipt '"\n".join(v["unmeasured"] + v.get("landing", {}).get("unmeasured", []))' | sed 's/^/# - /'
	is "... the guest runs on h$to" "$(rig_virsh "$to" domstate g)" running
	ok "... and h$from knows it no longer" not rig_virsh "$from" domstate g
}

# set_out NAME FROM TO [PHASE]: a migration that has come so far; its id in $id.  The network is slow.
set_out()
{
	rig_tbf "$2" 20mbit
	begin "$1" "$2" migrate g "h$3"
	id=$(its_id "$1")
	ok "a migration from h$2 to h$3" wait_for 30 copies "$2" "$id"
}

rig_up
rig_agents "$settings"
ok "a guest" rig_define A g mem=160
ok "starts" rig_start A g

# While memory is copied.

set_out source A B
ok "the source's agent is killed, and comes again" back A
ok "it knows what it was doing" in_phase A "$id" copying
ok "and sees how far it is" wait_for 20 copies A "$id"
rig_tbf A off
ended "$id" A B "killed at the source while copying"
like "its ledger says so" "$(edges A "$id")" "^queued.* copying\(captured\) copying\(restarted\) paused\(.*done\("
like "and the receipt" "$(receipt '" ".join(v["unmeasured"])')" "the agent of hA was restarted while copying"
is "the blackout was measured all the same" "$(receipt '"blackout" in v')" True

set_out destination B A
ok "the destination's agent is killed, and comes again" back A
ok "it knows what it waits for" in_phase A "$id" 'leased|prepared'
rig_tbf B off
ended "$id" B A "killed at the destination while copying"
is "the blackout was measured all the same" "$(receipt '"blackout" in v')" True

set_out both A B
ok "both agents are killed, and come again" back A B
rig_tbf A off
ended "$id" A B "both killed while copying"

# Nobody is there while it lands.

set_out unseen B A
ok "the source's agent is killed" rig_agent B kill
rig_tbf B off
ok "the guest lands meanwhile" wait_for 60 in_phase A "$id" 'verifying|done'
ok "the source's agent comes again" rig_agent B start
ended "$id" B A "landed while the source's agent was dead"

# While its clock is corrected, or looked at again: which is to take some time.

rig_agent_conf A "$(rig_policy '5 s' '10 s')"
rig_agent A reload
begin late A migrate g hB
id=$(its_id late)
ok "a migration lands" wait_for 60 in_phase B "$id" 'correcting|verifying'
ok "the destination's agent is killed, and comes again" back B
ended "$id" A B "killed at the destination after the landing"

# An abort, and what both remember.

set_out aborted B A
ok "the source's agent is killed, and comes again" back B
ok "it is aborted" rig_clockferry B abort "$id"
ok "on both hosts" both_have "$id"
like "and says so" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" "^aborted: .*aborted by uid 0"
is "the guest runs where it was" "$(rig_virsh B domstate g)" running
rig_tbf B off

# The same, asked for at the destination: without a gate nobody there can end it but by asking the source.

set_out asked B A
ok "the destination's libvirt has it" wait_for 30 in_phase A "$id" prepared
ok "it is aborted from there" rig_clockferry A abort "$id"
ok "on both hosts" both_have "$id"
is "and says who asked, and where" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" \
	"aborted: aborted by uid 0 (root), at hA"
is "the guest runs where it was" "$(rig_virsh B domstate g)" running
ok "and nothing of it is left on hA" not rig_virsh A domstate g
rig_tbf B off

# Nobody is there to take the receipt.

set_out owed B A
ok "the destination's agent is killed" rig_agent A kill
ok "the migration is aborted" rig_clockferry B abort "$id"
rig_tbf B off
is "the guest runs where it was" "$(rig_virsh B domstate g)" running
ok "the destination's agent comes again" rig_agent A start
ok "it is brought the receipt" wait_for 30 same_receipts "$id"
is "and has let it go" "$(phase A "$id")" dropped

before=$(rig_clockferry A list)
ok "the agents end and begin once more" back A B
is "hA's list is what it was" "$(rig_clockferry A list)" "$before"
ok "and a receipt is still there" same_receipts "$id"

# A destination that has lost its ledger: what it had a part in it has from its peer.

earlier=$id
had=$(rig_clockferry A list --json | pick 'len(v["list"])')
has_them()
{
	[ "$(rig_clockferry A list --json | pick 'len(v["list"])')" -ge "$had" ]
}

begin lost B migrate g hA
id=$(its_id lost)
ok "a migration lands" wait_for 60 in_phase A "$id" verifying
ok "the destination's agent is killed" rig_agent A kill
rm -f "$RIG_DIR"/A/lib/clockferry/ledger.db*
ok "and comes again without a ledger" rig_agent A start
ok "its $had receipts are there again" wait_for 30 has_them
ok "each as the peer has it" same_receipts "$earlier"
is "on the side on which it was" "$(rig_clockferry A show "$earlier" --json | pick 'v["migration"]["side"]')" destination
ok "the source's agent does not wait for it for ever" wait_for 30 in_phase B "$id" done
is "the guest runs on hA" "$(rig_virsh A domstate g)" running
changes=$((changes + 1))

rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
is "and it moved as often as it was to" "$(pick 'len(v["changes"])' <"$RIG_DIR/verdict")" "$changes"
finish
