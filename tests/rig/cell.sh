# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# One cell of tests/faults.sh: a migration, what fails in it, and what is asserted of its end.

# Where it is migrated from, and who is who in it.
from=A to=B
broken=

# held: the agent has stopped itself at the point.
held()
{
	[ -e "$RIG_DIR/$holder/log/faults.fired" ]
}

# quiet HOST: its agent has nothing under way.
quiet()
{
	[ "$(ask "$1" GET '/v1/migrations?state=open')" = 200 ] && [ "$(pick 'len(v["list"])' <"$RIG_DIR/answer")" = 0 ]
}

all_quiet()
{
	quiet A && quiet B
}

# Ended on both hosts; or it stays in doubt, which nobody but the operator ends.
come_to_rest()
{
	local deadline=$((SECONDS + 150)) doubt=0
	while [ $SECONDS -lt $deadline ]; do
		! all_quiet || return 0
		if in_phase "$from" "$id" in-doubt; then
			doubt=$((doubt + 1))
			[ $doubt -lt 25 ] || return 0
		else
			doubt=0
		fi
		sleep 0.2
	done 2>/dev/null
	return 1
}

# left HOST: what of a migration is still there of a guest that runs on the other host.
left()
{
	local marks
	! rig_virsh "$1" dominfo g >/dev/null 2>&1 || echo "a definition"
	marks=$(($(marks_of "$1") - marks_before[$1]))
	[ $marks -le 0 ] || echo "$marks marks"
}

# A host that has lost all it knew can put nothing in order: it says what it finds, and leaves it.
may_leave()
{
	[[ "$column" == @(lost|damage|late|later-lost)-* ]]
}

# starts_with HOST: the guest, which did so where it came from.  What a destination that lost its ledger was told of that is lost, too.
starts_with()
{
	rig_virsh "$1" dominfo g | grep -q '^Autostart: *enable' || [[ "$column" == @(lost|damage|later-lost)-destination ]]
}

# The receipts, in a word: same, differ, source (it alone has one), none.
compare_receipts()
{
	local a b
	a=$(ask "$from" GET "/v1/migrations/$id/receipt")
	b=$(ask "$to" GET "/v1/migrations/$id/receipt")
	case $a$b in
	200200) wait_for 25 same_receipts "$id" && echo same || echo differ ;;
	200*) echo source ;;
	*200) echo destination ;;
	*) echo none ;;
	esac
}

# The source's, or where that has none the destination's.
a_receipt()
{
	[ "$(ask "$from" GET "/v1/migrations/$id/receipt")" = 200 ] || ask "$to" GET "/v1/migrations/$id/receipt" >/dev/null
	cat "$RIG_DIR/answer"
}

# May one of the receipts be missing?
may_miss()
{
	case $receipts:$row:$column in
	source:source-checking-*:* | source:source-reserved-*:*) ;;	# nothing was asked of the destination yet
	none:source-checking-*:late-source | none:source-reserved-*:late-source) ;;	# and who asked has lost it
	source:source/ledger-*:* | none:source/ledger-written:* | none:source/ledger-durable:late-source) ;;	# nor was it begun
	source:destination/ledger-written:*) ;;	# what was asked of it was forgotten before it was answered
	*:damage-* | *:lost-* | *:later-lost-*) ;;
	*) return 1 ;;
	esac
}

agree()
{
	[ "$receipts" = same ] || may_miss || { diff "$RIG_DIR/receipt-A" "$RIG_DIR/receipt-B"; false; }
}

# Its host went down with it before it was to start with that one, and says so.
goes_with_host()
{
	[[ "$column" == *power-destination ]] && grep -q "this host came up and did not start g" "$RIG_DIR/$to/log/clockferryd"
}

# ended_there: somebody there, or its QEMU's end, made an end of the guest when it had run there.
ended_there()
{
	[[ "$column" == @(off|killed)-destination ]]
}

# asked_for: what is asked of the source.  Some moments are of those that are called off: nobody could be so fast.
asked_for()
{
	local tighten=
	[[ "$row" != @(source-rolling-back|source-aborted|destination-dropped)-* ]] || tighten=',"terms":{"tighten":{"max_blackout_ns":4000000}}'
	echo "{\"domain\":\"g\",\"destination\":\"h$to\"$tighten}"
}

# The operator says what the test has seen from outside.
resolve()
{
	local said=runs-here
	[[ " $hosts " != *" $to "* ]] || said=runs-there
	rig_clockferry "$from" resolve "$id" $said "seen from outside" >/dev/null 2>&1
	doubt="; resolved: $said"
	wait_for 30 all_quiet
}

# held_or_over: or it has ended without; by the other agent's word, as one that is held does not answer.
held_or_over()
{
	held || in_phase "$(other "$holder")" "$id" "done|aborted|refused|dropped"
}

# to_its_moment: the guest of the cell is on its way, and who is to fail has come to where it does.  On a busy machine the
# gate may have given the guest back before, and rightly; or the commit is there before the destination says that it is loaded.
to_its_moment()
{
	local attempt
	for attempt in 1 2 3 4 5 6 7 8; do
		[ $attempt = 1 ] || ready || return
		holder=$(side_host "${row%%[-/]*}")
		forget_looks
		marks_before=([A]=$(marks_of A) [B]=$(marks_of B))
		id=$(cat /proc/sys/kernel/random/uuid)
		echo "${row#*/} stop" >"$RIG_DIR/$holder/log/faults"
		(answer_file=$RIG_DIR/put ask "$from" PUT "/v1/migrations/$id" "$(asked_for)" >/dev/null 2>&1) &
		wait_for 30 held_or_over
		! held || return 0
		note "$(rig_clockferry "$from" show "$id" 2>&1 | head -n 12)"
		rm -f "$RIG_DIR/$holder/log/faults"
	done
	return 1
}

cell()
{
	local row=$1 column=$2 id holder began=$SECONDS here went='' doubt='' verdict hosts receipts outcome moved left mended stood rest
	local -A marks_before
	forget_logs
	ready || { result 1 "$row, $column: a guest to begin with, and hosts that let it go"; return; }
	ok "$row, $column: it comes to that point" to_its_moment || { broken=yes; return; }
	do_fault "$column" >>"$RIG_DIR/faults.log" 2>&1
	mended=$(rig_raw)
	repair "$column" >>"$RIG_DIR/faults.log" 2>&1
	ok "... it comes to its end" come_to_rest || broken=yes
	rest=$(since "$mended")
	sleep 1	# for ticks

	verdict=$(seen "$mended")
	hosts=$(pick '" ".join(v["hosts"])' <<<"$verdict")
	outcome=$(phase "$from" "$id" 2>/dev/null)
	if [ "$outcome" = in-doubt ]; then
		ok "... in doubt, as nobody can know" may_doubt
		resolve
	fi
	here=$(wait_for_one)
	receipts=$(compare_receipts)
	stood=$(pick '"-" if v["stood"] is None else "%.1f s" % v["stood"]' <<<"$verdict")
	moved=$(pick '"booted" if v["boots"] > 1 else "?" if v["moved"] is None else "%+.1f ms" % v["moved"]' <<<"$verdict")
	if ended_there; then
		like "... it ran there" " $hosts " " $to "
		is "... it runs nowhere, as it has run there and ended" "$here" ""
		left=$(left "$from" | paste -sd' ')
		is "... and nothing is left where it was" "$left" ""
		went=yes doubt="; ended there"
		rig_virsh "$to" start g >/dev/null && here=$(wait_for_one)
	fi
	if [ ! "$here" ] && goes_with_host; then
		went=yes doubt="; went with its host"
		rig_virsh "$to" start g >/dev/null && here=$(wait_for_one)
	fi
	case ${#here} in
	1) result 0 "... the guest runs once: on h$here" ;;
	0) ok "... the guest runs, or the operator was asked" test -n "$doubt" || broken=yes ;;
	*) result 1 "... the guest runs once"; broken=yes ;;
	esac
	[ ! "$here" ] || [ "$doubt" ] || is "... its ticks come from there" "${hosts##* }" "$here" || broken=yes
	is "... there were never two, nor one that went back" "$(pick 'v["twice"], v["copies"], v["back"]' <<<"$verdict")" "0 0 0" || broken=yes
	left=${here:+$(left "$(other "$here")" | paste -sd' ')}
	ok "... nothing is left on the other host: ${left:-nothing}" eval '[ -z "$left" ] || may_leave' || broken=yes
	[ -z "$left" ] || broken=yes
	[ ! "$here" ] || ok "... it starts with that host" starts_with "$here" || broken=yes
	[ ! "$here" ] || [ ! "${RIG_NFS:-}" ] || ok "... its image is its own" owned || broken=yes
	[ "$went" ] || ok "... its clock is what it was" eval 'a_receipt | clock_is_right "$moved"'
	ok "... both hosts have the same receipt" agree
	outcome=$(pick 'v["migration"]["outcome"]' <"$RIG_DIR/answer" 2>/dev/null)	# of a_receipt
	printf '# | %-26s | %-20s | %-10s | %-11s | %-9s | %-11s | %6s | %6s | %3d s |\n' "$row" "$column" "${outcome:-none}" \
		"${hosts// />}${here:+ on h$here}$doubt" "$moved" "$receipts" "$stood" "$rest" $((SECONDS - began))
	note_reason
}

note_reason()
{
	pick '"# - " + (v["migration"].get("reason") or "-")[:200]' <"$RIG_DIR/answer" 2>/dev/null
}
