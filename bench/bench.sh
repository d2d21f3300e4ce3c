# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the programs of bench/ share: the rig of the tests, the machine they ran
# on, and the rows of a table.  From a build folder where "make check" has built
# the rig's programs, as root.  Figures are for reading, beside those of the same
# run: nothing here passes or fails.

srcdir=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
. "$srcdir/tests/rig/rig.sh"

# bench_hosts [LINE...]: both hosts up, each with an agent that knows the other; more settings as given.
bench_hosts()
{
	local host
	rig_up
	for host in A B; do
		rig_agent_conf $host "$@" && rig_agent $host start || exit 1
	done
	wait_for 20 bench_knows A hB && wait_for 20 bench_knows B hA || { echo "the hosts do not know each other"; exit 1; }
}

bench_knows()
{
	rig_clockferry "$1" peers "$2" --json | grep -q '"gate_open": true'
}

bench_machine()
{
	echo "$(date -u +%F), $(nproc) x $(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
}

figures()
{
	python3 "$srcdir/bench/figures.py" "$@"
}

# bench_arms WORDS N: each word N times, in random order.
bench_arms()
{
	local word
	for word in $1; do
		yes "$word" | head -n "$2"
	done | shuf
}

# bench_row ARM WHAT LABEL; bench_differ ARM ARM WHAT LABEL: of what "figures.py judged" made in $RIG_DIR/figures.
bench_of()
{
	awk -v arm="$1" -v what="$2" '$1 == arm && $2 == what { print $3 }' "$RIG_DIR/figures"
}

bench_row()
{
	bench_of "$1" "$2" | figures row "$3"
}

bench_differ()
{
	figures differ "$4" <(bench_of "$1" "$3") <(bench_of "$2" "$3")
}
