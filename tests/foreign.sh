#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# virsh moves a guest between two hosts whose clocks are half a second apart, in each way that libvirt has, past the
# agents.  They see it, measure it, make the guest's clock right and write receipts, which are held against the
# outside tick stream; and they are in nobody's way.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/driven.sh"
requires_rig
requires_command curl

receipts=() set=0
disk="<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='/var/lib/disk'/><target dev='vda' bus='virtio'/></disk>"

driven_hosts 'max-blackout = "5 s" verify-until = "2 s"'
for host in A B; do
	head -c 4M /dev/zero >"$RIG_DIR/$host/lib/disk"
done
driven_guest mem=128 extra="$disk"

# by NAME FROM TO SKEW-MS OPTIONS...: virsh moves it; it is seen, measured, corrected.
by()
{
	local name=$1 from=$2 to=$3 skew=$4 n file=$RIG_DIR/landed-${#receipts[@]}
	shift 4
	sleep 3 # the stream needs some of the guest's time on either side
	n=$(moves A)
	ok "$name: virsh moves it" driven "$from" "$to" "$@"
	note "$name: virsh took $took ms"
	ok "$name: it is one more migration that has ended, on both hosts" wait_for 20 both_ended $((n + 1))
	id=$(newest "$from")
	ok "$name: both hosts have the same receipt" both_have "$id"
	cp "$RIG_DIR/receipt-A" "$file"
	receipts+=("g $file $skew")
	is "$name: clean" "$(receipt 'v["migration"]["outcome"] + v["migration"]["reason"]')" clean
	is "$name: somebody else drove it, and nobody here asked for it" \
		"$(receipt 'v["driver"], "requester" in v["migration"]')" "foreign False"
	is "$name: from where to where" "$(receipt 'v["migration"]["source"] + " " + v["migration"]["destination"]')" "h$from h$to"
	is "$name: the host offset at STOP has the true one inside" \
		"$(receipt "v['offset_during']['low_ns'] <= $skew * 10**6 <= v['offset_during']['high_ns']")" True
	is "$name: nothing is missing in it" "$(receipt 'v["unmeasured"] + v["landing"]["unmeasured"]')" "[]"
	is "$name: what the guest lost was measured" "$(receipt 'v["landing"]["lag"]["high_ns"] > 0')" True
	is "$name: its clock was set, or it says why not" "$(receipt 'len(v["landing"]["steps"]) > 0 or len(v["landing"]["left"]) > 0')" True
	is "$name: ... and is no further from the right time than when it landed" \
		"$(receipt 'v["landing"]["residuals"][-1]["residual"]["high_ns"] >= v["landing"]["residuals"][0]["residual"]["low_ns"]')" True
	is "$name: it runs there" "$(rig_virsh "$to" domstate g)" running
}

by "peer to peer" A B 500 --p2p
like "show says who drove it" "$(rig_clockferry B show "$id")" 'driven by +another manager'
like "the log of hB has it" "$(cat "$RIG_DIR/B/log/clockferryd")" 'migration of g from hA to hB: clean; blackout \+.*, residual '
by "direct" B A -500
by "tunnelled, where no connection of QEMU's shows where to" A B 500 --p2p --tunnelled
by "with post-copy" B A -500 --p2p --postcopy --postcopy-after-precopy
by "with its storage" A B 500 --p2p --copy-storage-all

# What the tick stream says to all that.

sleep 3
rig_judge g >"$RIG_DIR/verdict-g"
note "jitter $(pick 'v["jitter_ns"]' <"$RIG_DIR/verdict-g") ns"
for n in "${!receipts[@]}"; do
	note "$n: blackout $(truth "$n" 'ms(s)'), receipt $(truth "$n" 'ms(b)'), libvirt $(
		truth "$n" 'r.get("libvirt_downtime_ns", 0) // 10**6') ms; clock left wrong by $(truth "$n" 'ms(m)'), receipt $(truth "$n" 'ms(left)')"
	is "$n: the blackout the stream saw is the receipt's" "$(truth "$n" 'meet(s, b)')" True
	is "$n: which is no wider than what RESUME hides, and 60 ms" \
		"$(truth "$n" 'b["high_ns"] - b["low_ns"] - r["landing"]["resume_slack_ns"] < 60 * 10**6')" True
	is "$n: its clock is as right as the receipt says" "$(truth "$n" 'meet(m, left)')" True
	set=$((set + $(truth "$n" 'len(r["landing"]["steps"])')))
done
is "in at least one of them the guest's clock was set" "$((set > 0))" 1

# What is none.

n=$(moves A)
ok "a save to disk" rig_virsh B save g /var/lib/g.saved
ok "... and back" rig_virsh B restore /var/lib/g.saved
is "is no migration, on either host" "$(moves A) $(moves B)" "$n $n"

# One that is called off.

slowly B A 20 --p2p
is "nobody but its manager may abort it" "$(ask B DELETE "/v1/migrations/$id")" 409
like "... and that is said" "$(pick 'v["detail"]' <"$RIG_DIR/answer")" 'another manager drives it'
rig_clockferry B migrate g hA >"$RIG_DIR/second"
is "one of ours meanwhile is refused: exit status" $? 3
like "... because of it" "$(cat "$RIG_DIR/second")" 'refuse +domain-migrating'
ok "virsh aborts it" rig_virsh B domjobabort g
wait $virsh
ok "it has ended on both hosts" wait_for 20 eval 'ended A $((n + 1)) && ended B $((n + 2))' # and the refused one
ok "both hosts have the same receipt" both_have "$id"
like "it came to nothing, and the guest stayed" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" \
	'^aborted: .*(it was cancelled|it failed, or was called off)'
is "hA has let it go" "$(phase A "$id")" dropped
is "the guest runs on" "$(rig_virsh B domstate g)" running
rig_tbf B off

# Nobody is waited for.

for host in A B; do
	rig_agent $host freeze
done
ok "with agents that hang it goes all the same" driven B A --p2p
for host in A B; do
	rig_agent $host thaw
done

rig_judge g >"$RIG_DIR/verdict-g"
is "there were never two copies" "$(pick 'v["two_copies"]' <"$RIG_DIR/verdict-g")" "[]"
finish
