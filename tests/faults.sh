#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
usage()
{
	cat <<-'U'
		usage: faults.sh [--rows ROW,...] [--columns COLUMN,...] [--cells ROW:COLUMN,...] [--all] [--list]

		What becomes of a guest, of its clock and of what is said of it, when something fails at a given
		moment of its migration through the commit gate.  Rows are moments: an agent stops itself there
		(daemon/fault.h).  Columns are faults, done from outside meanwhile.  Then it goes on, everything is
		repaired, and both hosts are looked at from outside: by the guest's own ticks, and by what both
		libvirtds say all the while.

		  without option  one fault a row
		  --rows          those rows, with every column unless --columns says which
		  --columns       those columns, in every row unless --rows says which
		  --cells         those cells
		  --all           every cell
		  --list          says which there are, and runs nothing

		Rows are named as in tests/test-fault --points; one that is no phase's is of one side:
		source/mark-durable.  Needs root and a build with --enable-faults.  From its folder:
		../tests/faults.sh --rows source-paused-act --columns kill-source,power-source
		Under "make check" options come in FAULTS.
	U
}

: "${srcdir:=$(dirname "$(dirname "$(readlink -f "$0")")")}"
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ${FAULTS:-}
if [ -z "${FAULTS_INSIDE:-}" ]; then	# the disks under the ledgers are mounts, which go when this does
	exec env FAULTS_INSIDE=1 srcdir="$srcdir" unshare -m --propagation private bash "$0" "$@"
fi
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/rig/faults.sh"

rows=(source-checking-act source-reserved-act source-capturing-act source-copying-act source-copying-done
	source-armed-taken source-armed-noted source-paused-act source-loaded-act source-loaded-done source-committing-act
	source-committing-done source-landed-noted source-correcting-act source-verifying-act source-done-act
	source/confirm-before
	destination-leased-noted destination/prepare-before destination/prepare-after destination-prepared-done
	destination-armed-noted destination-loaded-act destination-obeyed-act destination/finish-after
	destination-running-noted destination-correcting-act destination-verifying-act destination-done-act)
columns=(kill-source kill-destination kill-both stop-source stop-destination libvirtd-source libvirtd-destination
	mute-source mute-destination power-source power-destination full-source full-destination
	readonly-source readonly-destination damage-source damage-destination lost-source lost-destination
	ahead-source ahead-destination behind-source behind-destination)
thin=(source-checking-act:kill-source source-reserved-act:mute-source source-copying-done:power-source
	source-armed-noted:kill-both source-paused-act:kill-source source-loaded-act:stop-source
	source-committing-act:kill-source source-landed-noted:damage-source destination-prepared-done:libvirtd-destination
	destination-armed-noted:power-destination destination-obeyed-act:kill-destination
	destination/finish-after:kill-destination destination-running-noted:full-destination)

list_of()
{
	local IFS=,
	# shellcheck disable=SC2086
	printf '%s\n' $1
}

cells=() some_rows=() some_columns=()
while [ $# -gt 0 ]; do
	case $1 in
	--rows) mapfile -t some_rows < <(list_of "$2"); shift ;;
	--columns) mapfile -t some_columns < <(list_of "$2"); shift ;;
	--cells) mapfile -t cells < <(list_of "$2"); shift ;;
	--all) some_rows=("${rows[@]}") ;;
	--list) printf '%s\n' "rows:" "${rows[@]}" "" "columns:" "${columns[@]}" "" "one a row:" "${thin[@]}"; exit 0 ;;
	--help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
if [ ${#some_rows[@]} -gt 0 ] || [ ${#some_columns[@]} -gt 0 ]; then
	[ ${#some_rows[@]} -gt 0 ] || some_rows=("${rows[@]}")
	[ ${#some_columns[@]} -gt 0 ] || some_columns=("${columns[@]}")
	for row in "${some_rows[@]}"; do
		for column in "${some_columns[@]}"; do
			cells+=("$row:$column")
		done
	done
elif [ ${#cells[@]} = 0 ]; then
	cells=("${thin[@]}")
fi

requires_rig
requires_command curl iptables
"$builddir/tests/test-fault" --points 2>/dev/null | grep -q '^source-armed-noted$' || skip_all "needs a build with --enable-faults"

# --- one cell ---

# Where it is migrated from, and who is who in it.
from=A to=B

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
	local deadline=$((SECONDS + 75)) doubt=0
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
	[[ "$column" == @(lost|damage)-* ]]
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

# May one of the receipts be missing?
may_miss()
{
	case $receipts:$row:$column in
	source:source-checking-*:* | source:source-reserved-*:*) ;;	# nothing was asked of the destination yet
	*:damage-* | *:lost-*) ;;
	*) return 1 ;;
	esac
}

agree()
{
	[ "$receipts" = same ] || may_miss || { diff "$RIG_DIR/receipt-A" "$RIG_DIR/receipt-B"; false; }
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

cell()
{
	local row=$1 column=$2 id holder began=$SECONDS here doubt='' verdict hosts receipts outcome moved left
	local -A marks_before
	holder=$(side_host "${row%%[-/]*}")
	ready || { result 1 "$row, $column: a guest to begin with, and hosts that let it go"; return; }
	holder=$(side_host "${row%%[-/]*}")
	forget_looks
	marks_before=([A]=$(marks_of A) [B]=$(marks_of B))
	id=$(cat /proc/sys/kernel/random/uuid)
	echo "${row#*/} stop" >"$RIG_DIR/$holder/log/faults"
	(ask "$from" PUT "/v1/migrations/$id" "{\"domain\":\"g\",\"destination\":\"h$to\"}" >/dev/null 2>&1) &
	ok "$row, $column: it comes to that point" wait_for 30 held || { rm -f "$RIG_DIR/$holder/log/faults"; broken=yes; return; }
	do_fault "$column" >>"$RIG_DIR/faults.log" 2>&1
	repair "$column" >>"$RIG_DIR/faults.log" 2>&1
	ok "... it comes to its end" come_to_rest || broken=yes
	sleep 1	# for ticks

	verdict=$(seen)
	hosts=$(pick '" ".join(v["hosts"])' <<<"$verdict")
	outcome=$(phase "$from" "$id" 2>/dev/null)
	if [ "$outcome" = in-doubt ]; then
		ok "... in doubt, as nobody can know" may_doubt
		resolve
	fi
	here=$(wait_for_one)
	receipts=$(compare_receipts)
	moved=$(pick '"booted" if v["boots"] > 1 else "?" if v["moved"] is None else "%+.1f ms" % v["moved"]' <<<"$verdict")
	case ${#here} in
	1) result 0 "... the guest runs once: on h$here" ;;
	0) ok "... the guest runs, or the operator was asked" test -n "$doubt" || broken=yes ;;
	*) result 1 "... the guest runs once"; broken=yes ;;
	esac
	is "... there were never two, nor one that went back" "$(pick 'v["twice"], v["copies"], v["back"]' <<<"$verdict")" "0 0 0" || broken=yes
	left=${here:+$(left "$(other "$here")" | paste -sd' ')}
	ok "... nothing is left on the other host: ${left:-nothing}" eval '[ -z "$left" ] || may_leave' || broken=yes
	[ -z "$left" ] || broken=yes
	ok "... its clock is what it was" clock_is_right "$moved"
	ok "... both hosts have the same receipt" agree
	outcome=$(ask "$from" GET "/v1/migrations/$id/receipt" >/dev/null; pick 'v["migration"]["outcome"]' <"$RIG_DIR/answer" 2>/dev/null)
	printf '# | %-26s | %-20s | %-10s | %-11s | %-9s | %-11s | %3d s |\n' "$row" "$column" "${outcome:-none}" \
		"${hosts// />}${here:+ on h$here}$doubt" "$moved" "$receipts" $((SECONDS - began)) | tee -a "$RIG_DIR/table"
	note_reason
}

note_reason()
{
	pick '"# - " + (v["migration"].get("reason") or "-")[:200]' <"$RIG_DIR/answer" 2>/dev/null
}

# --- all of them ---

faults_up
for each in "${cells[@]}"; do
	cell "${each%%:*}" "${each#*:}"
done
printf '\n'
cat "$RIG_DIR/table" 2>/dev/null
[ -z "${FAULTS_KEEP:-}" ] || (cd "$RIG_DIR" && tar -cf - --exclude=tick-g A/log B/log table faults.log | tar -xf - -C "$FAULTS_KEEP")
finish
