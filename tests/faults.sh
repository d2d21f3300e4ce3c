#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
usage()
{
	cat <<-'U'
		usage: faults.sh [--rows ROW,...] [--columns COLUMN,...] [--cells ROW:COLUMN,...] [--all] [--list]
		                 [--lanes N] [--results FOLDER] [--frozen SECONDS]

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
		  --lanes         so many rigs beside each other take the cells in turn (1)
		  --results       what came of each cell is kept in that folder, and of one that failed the logs too; a cell
		                  whose result is there is not run again, so an interrupted run goes on where it was
		  --frozen        how long who is stopped, or muted, stays so: 8 is longer than every time-out that the
		                  rig's settings have, 100 longer than every one there is

		The table has of each cell how it ended, where the guest's ticks came from and where it runs, by how
		much its clock moved, whose receipts there are, and, from when what had failed was put right (its agent is
		started again, its host has power, it goes on): how long until a guest that stood still ran, and until
		both agents had nothing under way.  Below it the same times by rows: median and most.

		Rows are named as in tests/test-fault --points; one that is no phase's is of one side:
		source/mark-durable.  Which of those points no agent came to is said, too.  Needs root and a build with --enable-faults.  From its folder:
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
. "$srcdir/tests/rig/cell.sh"
. "$srcdir/tests/rig/lanes.sh"

rows=(source-checking-act source-reserved-act source-capturing-act source-copying-act source-copying-done
	source-armed-taken source-armed-noted source-paused-act source-loaded-act source-loaded-done source-committing-act
	source-committing-done source-landed-noted source-correcting-act source-verifying-act source-done-act
	source/confirm-before
	destination-leased-noted destination/prepare-before destination/prepare-after destination-prepared-done
	destination-armed-noted destination-loaded-act destination-obeyed-act destination/finish-after
	destination-running-noted destination-correcting-act destination-verifying-act destination-done-act
	source/mark-stored source/ledger-written source/ledger-durable source/confirm-after
	destination/mark-stored destination/mark-durable destination/ledger-written
	source-rolling-back-act source-aborted-act destination-dropped-act)
columns=(kill-source kill-destination kill-both stop-source stop-destination
	libvirtd-source libvirtd-destination restart-source restart-destination hung-source hung-destination
	qemu-source qemu-destination mute-source mute-destination half-source half-destination
	power-source power-destination full-source full-destination
	readonly-source readonly-destination damage-source damage-destination lost-source lost-destination late-source
	ahead-source ahead-destination behind-source behind-destination abort-source abort-destination)
# The source's agent is dead, its guest runs there, and a moment later it does no more, or nobody there knows of it.
gone_rows=(source-committing-done source-landed-noted source/confirm-before)
gone_columns=(off-destination killed-destination later-power-destination later-lost-destination)
# The destination's agent dies when its source has brought the receipt, and may have been told that it came.
brought=(destination-done-done:kill-destination destination-dropped-done:kill-destination)
thin=(source-checking-act:kill-source source-reserved-act:mute-source source-capturing-act:stop-destination
	source-copying-done:power-source source-armed-noted:kill-both source-paused-act:kill-source source-loaded-act:stop-source
	source-committing-act:kill-source source-landed-noted:damage-source source-correcting-act:kill-source
	source-verifying-act:libvirtd-destination source-done-act:power-source source-rolling-back-act:kill-source
	destination-leased-noted:kill-destination destination-prepared-done:libvirtd-destination
	destination-armed-noted:power-destination destination-loaded-act:mute-source destination-obeyed-act:kill-destination
	destination/finish-after:kill-destination destination-running-noted:full-destination
	destination-correcting-act:kill-both destination-verifying-act:stop-source destination-done-act:readonly-destination
	source-landed-noted:killed-destination)

list_of()
{
	local IFS=,
	# shellcheck disable=SC2086
	printf '%s\n' $1
}

cells=() some_rows=() some_columns=() n_lanes=1 results='' all='' options=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--rows) mapfile -t some_rows < <(list_of "$2"); shift ;;
	--columns) mapfile -t some_columns < <(list_of "$2"); shift ;;
	--cells) mapfile -t cells < <(list_of "$2"); shift ;;
	--all) some_rows=("${rows[@]}"); all=yes ;;
	--lanes) n_lanes=$2; shift ;;
	--results) results=$(readlink -m "$2"); shift ;;
	--frozen) faults_frozen=$2; shift ;;
	--list) printf '%s\n' "rows:" "${rows[@]}" "" "columns:" "${columns[@]}" "" \
		"those rows with these columns, too:" "${gone_rows[@]}" "${gone_columns[@]}" "" "and these cells:" "${brought[@]}" "" "one a row:" "${thin[@]}"; exit 0 ;;
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
	[ ! "$all" ] || for row in "${gone_rows[@]}"; do
		for column in "${gone_columns[@]}"; do
			cells+=("$row:$column")
		done
	done
	[ ! "$all" ] || cells+=("${brought[@]}")
elif [ ${#cells[@]} = 0 ]; then
	cells=("${thin[@]}")
fi

if [ "${FAULTS_LANE:-}" ]; then
	results=$FAULTS_LANE
	lane "${cells[@]}"
fi

requires_rig
requires_command curl iptables
"$builddir/tests/test-fault" --points 2>/dev/null | grep -q '^source-armed-noted$' || skip_all "needs a build with --enable-faults"
if [ ! "$results" ]; then
	results=$(mktemp -d "${TMPDIR:-/tmp}/faults.XXXXXX")
	cleanup 'rm -rf "$results"'
fi
mkdir -p "$results"
unshare -m mount -t tmpfs none "$results" 2>/dev/null || skip_all "cannot mount a tmpfs here"

start_lanes "$n_lanes" "${cells[@]}"
show_cells "${cells[@]}"
note "points that no agent came to: $(comm -23 <("$builddir/tests/test-fault" --points | sort) <(sort -u "$results/reached") | paste -sd' ')"
printf '\n'
table "${cells[@]}"
table "${cells[@]}" | recovery
finish
