# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The cells of tests/faults.sh beside each other: each lane has a rig of its own, and takes the next cell that nobody has
# taken.  In $results a cell has a file of its own, so a run that was interrupted goes on where it was.

lanes=()

# result_of CELL: the file in which what came of it is, or will be.
result_of()
{
	# shellcheck disable=SC2154 # the test's
	echo "$results/${1//\//+}"
}

# take CELL: nobody else does it, nor has.
take()
{
	[ ! -e "$(result_of "$1").tap" ] && (set -o noclobber; : >"$(result_of "$1").taken") 2>/dev/null
}

# dead_in FILE: what there is to say of the guest's death, if it has died: its kernel, or nothing but that it has fallen silent
# where QEMU says that it runs.
dead_in()
{
	rig_dead
	! grep -q '^not ok .* its ticks come from there' "$1" || echo "it runs, and is silent"
}

# run_cell CELL: what it says is its result when it is whole.  As in again.sh, one whose guest has died is taken once more.
run_cell()
{
	local file attempt dead=''
	file=$(result_of "$1")
	for attempt in 1 2 3; do
		cell "${1%%:*}" "${1#*:}" >"$file.part"
		[ $attempt -lt 3 ] && grep -q '^not ok' "$file.part" && [ "$(dead_in "$file.part")" ] || break
		dead+="a guest had died, and the cell was taken once more: $(dead_in "$file.part")"$'\n'
		# shellcheck disable=SC2034 # the next one has a new guest
		broken=yes
	done
	[ ! "$dead" ] || note "$dead" >>"$file.part"
	if grep -q '^not ok' "$file.part"; then
		(cd "$RIG_DIR" && tar --force-local --warning=no-file-changed -czf "$file.tar.gz" --exclude=tick-g [AB]/log tick-g.log looks-[AB] faults.log receipt-[AB])
	fi
	cat "$RIG_DIR"/[AB]/log/faults.reached >>"$results/reached" 2>/dev/null
	mv "$file.part" "$file.tap"
}

# lane CELL...: one of them, until there is none left.
lane()
{
	local each
	faults_up
	for each; do
		! take "$each" || run_cell "$each"
	done
	finish
}

# start_lanes N CELL...: each is a test of its own, in $results/lane.N.
start_lanes()
{
	local n=$1 each missing=()
	shift
	cleanup 'kill "${lanes[@]}" 2>/dev/null; wait'
	rm -f "$results"/*.taken "$results"/*.part "$results"/lane.*
	touch "$results/reached"
	for each; do
		[ -e "$(result_of "$each").tap" ] || missing+=("$each")
	done
	for ((each = 1; each <= n && each <= ${#missing[@]}; each++)); do
		# shellcheck disable=SC2154 # the test's
		FAULTS_LANE=$results builddir=$builddir setpriv --pdeathsig TERM bash "$0" "${options[@]}" >"$results/lane.$each" 2>&1 &
		lanes+=($!)
	done
}

lanes_run()
{
	[ ${#lanes[@]} -gt 0 ] && kill -0 "${lanes[@]}" 2>/dev/null
}

# replay FILE: its assertions as this test's.
replay()
{
	local line
	while IFS= read -r line; do
		case $line in
		"ok "*) result 0 "${line#* - }" ;;
		"not ok "*) result 1 "${line#* - }" ;;
		1..*) ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

# show_cells CELL...: each as soon as there is its result and those of all before it.
show_cells()
{
	local each file
	for each; do
		file=$(result_of "$each")
		until [ -e "$file.tap" ] || ! lanes_run; do
			sleep 0.2
		done
		if [ -e "$file.tap" ]; then
			replay "$file.tap"
		else
			result 1 "${each/:/, }: a lane gets to its end"
		fi
	done
	[ ${#lanes[@]} = 0 ] || wait "${lanes[@]}"
	for file in "$results"/lane.*; do
		[ ! -e "$file" ] || replay "$file"
	done
}

# table CELL...: what each has for it.
table()
{
	local each
	for each; do
		grep -h '^# | ' "$(result_of "$each").tap" 2>/dev/null
	done
}

# recovery: of that table, how long each row took from when what had failed was put right.
recovery()
{
	python3 -c '
import statistics, sys
rows = {}
for line in sys.stdin:
    fields = [field.strip() for field in line.split("|")[1:-1]]
    rows.setdefault(fields[0], []).append([field[:-2] for field in fields[6:8]])
for row, cells in rows.items():
    words = []
    for what, seconds in zip(("the guest runs", "both are at rest"), zip(*cells)):
        known = [float(each) for each in seconds if each]
        words.append("%s after %.1f s, at most %.1f s (%d)" % (what, statistics.median(known), max(known), len(known))
                     if known else "%s: nobody had to wait" % what)
    print("# recovery | %-26s | %s" % (row, " | ".join(words)))'
}

