#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The limit of the blackout, enforced by two agents: the network all but ends while the guest stands still for its
# migration, whose connection is cut then, and the guest runs on where it was, in time.  Over one connection, over
# several, and over encrypted ones.  The control are threads that only sleep.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl
limit_ms=2500

# late BEGUN ENDED: by how much the two threads were late at worst between those instants, together, in ms.
late()
{
	awk -v begun="$1" -v ended="$2" 'NF == 3 && $1 >= begun && $1 <= ended + 5e8 { if ($2 > a) a = $2; if ($3 > b) b = $3 }
		END { printf "%d\n", (a + b) / 1e6 + 1 }' "$RIG_DIR/late"
}

both_have_it()
{
	both_have "$id" && [ "$(receipt 'v["migration"]["outcome"]')" = aborted ]
}

# begin_and_starve ARGUMENT...: the exit status of a migration whose network all but ends when the guest stands still.
begin_and_starve()
{
	local status
	rig_tbf A 100mbit
	begun=$(rig_raw)
	begin called-off A migrate g hB "$@"
	id=$(its_id called-off)
	wait_for 120 in_phase A "$id" "paused|aborted|done"
	rig_tbf A 1mbit
	wait $job
	status=$?
	rig_tbf A off
	return $status
}

# is_cut SENTENCE ARGUMENT...: one that ends like that.  What was there before the network ended goes back, and once more.
is_cut()
{
	local sentence=$1 begun late attempt status
	shift
	for attempt in 1 2 3; do
		begin_and_starve "$@"
		status=$?
		[ $status = 0 ] || break
		ok "$sentence: it was too fast, and is brought back" rig_clockferry B migrate g hA
	done
	is "$sentence: it comes to nothing" $status 4
	ok "... which both receipts say" wait_for 60 both_have_it
	like "... as it was cut for the limit" "$(receipt 'v["migration"]["reason"]')" \
		'^its connection was cut, .* late: the guest had stood still for nearly as long as it may, and had not arrived'
	is "... the guest runs where it was" "$(rig_virsh A domstate g)" running
	ok "... and nothing of it is left at the destination" wait_for 60 not rig_virsh B dominfo g
	late=$(late "$begun" "$(rig_raw)")
	note "stood still for $(receipt 'v["source_lost"]["low_ns"] / 1e6, v["source_lost"]["high_ns"] / 1e6') ms; other threads were late by $late ms"
	ok "... it had stood still until the limit was near" [ "$(receipt 'v["source_lost"]["high_ns"] // 10**6')" -ge $((limit_ms / 2)) ]
	ok "... and no longer than it may" [ "$(receipt 'v["source_lost"]["low_ns"] // 10**6')" -le $((limit_ms + late)) ]
	is "... its clock was seen to" "$(receipt '"resume" in v["kept"]')" True
	lates+=("$late")
}

lates=()
rig_up
for host in A B; do
	rig_qemu_certificates $host
done
rig_agents "policy \"default\" { max-skew = \"10 s\" max-error-bound = \"10 s\" max-blackout = \"$limit_ms ms\" max-residual = \"1 s\"
	verify-until = \"1 s\" off = { \"blackout-predicted\", \"rolled-back-recently\" } }"
rig_in R sh -c '"$1" >"$2" &' sh "$rig_programs/late" "$RIG_DIR/late"
ok "a guest that writes to its memory" rig_define A g mem=128 dirty=12 rate=20
ok "it starts" rig_start A g
ok "nothing speaks against moving it" wait_for 60 rig_clockferry A check g hB

is_cut "one connection"
is_cut "several connections" --parallel 3
is_cut "encrypted" --tls
is_cut "several encrypted ones" --tls --parallel 2

sleep 2
rig_judge g >"$RIG_DIR/verdict"
is "its own ticks say that there was one all the while" "$(pick 'v["two_copies"], v["rollbacks"]' <"$RIG_DIR/verdict")" "[] []"
is "... and stood still for no longer than it may, each time" \
	"$(pick "[p['stood_ns'] for p in v['pauses'] if p['stood_ns'] and p['stood_ns']['low_ns'] > ($limit_ms + max($(IFS=,; echo "${lates[*]}"))) * 10**6]" <"$RIG_DIR/verdict")" "[]"
ok "... but for long, each time" [ "$(pick "sum(1 for p in v['pauses'] if p['stood_ns'] and p['stood_ns']['high_ns'] > $((limit_ms / 2)) * 10**6)" <"$RIG_DIR/verdict")" -ge 4 ]
finish
