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
	wait_for 20 bench_knows A && wait_for 20 bench_knows B || { echo "the hosts do not know each other"; exit 1; }
	agents=start
}

# bench_agents start|stop: they would look after the guests that others move, too.
bench_agents()
{
	local host
	[ "$agents" != "$1" ] || return 0
	agents=$1
	for host in A B; do
		rig_agent $host "$1" || return
	done
	[ "$1" = stop ] || { wait_for 30 bench_knows A && wait_for 30 bench_knows B; }
}

# bench_knows HOST: is its gate to the other one open, by what its agent has in hand?  libvirt's hook is answered from that.
bench_knows()
{
	rig_clockferry "$1" peers --json | grep -q '"gate_open": true'
}

# bench_ask N METHOD PATH BODY WHAT-IT-SAYS: N times of hA's agent, on one connection, as a controller that asks for each placement has it; in ms.
bench_ask()
{
	rig_in A python3 - "$@" <<-'P'
		import http.client, socket, sys, time
		class Local(http.client.HTTPConnection):
		    def connect(self):
		        self.sock = socket.socket(socket.AF_UNIX)
		        self.sock.connect("/run/clockferry/api.sock")
		n, method, path, body, wanted = sys.argv[1:]
		agent = Local("localhost")
		for _ in range(int(n)):
		    start = time.monotonic_ns()
		    agent.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
		    answer = agent.getresponse()
		    text = answer.read().decode()
		    print((time.monotonic_ns() - start) / 1e6)
		    if answer.status != 200 or wanted not in text:
		        sys.exit(text)
	P
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

# Moves there and back, seen from outside: $guest goes from host $here to host $there.

guest=g here=A there=B
rest=5	# seconds after a move: the stream needs some of the guest's time on either side, a second and a half at least

# bench_listen: what QEMU says on both hosts with its own stamps, and libvirt with the host's.
bench_listen()
{
	local host
	for host in A B; do
		rig_in $host virsh -q -c qemu:///system qemu-monitor-event --loop >"$RIG_DIR/qemu-$host" 2>/dev/null &
		rig_in $host virsh -q -c qemu:///system event --event lifecycle --loop --timestamp >"$RIG_DIR/libvirt-$host" 2>/dev/null &
		wait_for 10 eval '[ $(rig_in '$host' pgrep -fc "virsh .*(loop)") = 2 ]' || exit 1
	done
}

# bench_heard FILE LINES: what came after so many lines.
bench_heard()
{
	tail -n +$(($2 + 1)) "$RIG_DIR/$1"
}

bench_left()
{
	bench_heard "libvirt-$here" "$1" | grep -q 'Stopped Migrated'
}

# bench_clockferry: one move by clockferry; what was not clean is noted, as arm $arm.
bench_clockferry()
{
	rig_clockferry $here migrate $guest h$there --json >"$RIG_DIR/receipt"
	case $? in
	0) ;;
	5) echo "$arm: $(sed -n 's/^ *"reason": "\(.*\)",*$/\1/p' "$RIG_DIR/receipt" | head -n 1)" >>"$RIG_DIR/new-blemishes" ;;
	*) cat "$RIG_DIR/receipt"; return 1 ;;
	esac
}

# ready ARM: what has to be before the move of that arm, and is no part of it; a program may have one of its own.
ready()
{
	bench_agents "$([ "$1" = clockferry ] && echo start || echo stop)"
}

# bench_move ARM: one move by `move ARM`, and its line of JSON in $RIG_DIR/runs; false when it came to nothing.
bench_move()
{
	local arm=$1 from to gone start
	ready "$arm" || return
	from=$(wc -l <"$RIG_DIR/libvirt-$here") to=$(wc -l <"$RIG_DIR/qemu-$there")
	start=$EPOCHREALTIME
	move "$arm" && wait_for 10 bench_left "$from" || return 1
	gone=$(bench_heard "libvirt-$here" "$from" | sed -n 's/^\(.*\): event .*Stopped Migrated.*/\1/p')
	bench_heard "qemu-$there" "$to" | python3 "$srcdir/bench/move.py" "$arm" "$start" "$(date -d "$gone" +%s.%N)" >>"$RIG_DIR/runs" || return 1
	[ "$arm" = clockferry ] || sleep $rest
	[ $here = A ] && here=B there=A || here=A there=B
}

# moves N ARMS: N moves of $guest by each, in random order, and what the stream says of them in $RIG_DIR/new; false when the
# guest does not live through it.  A program may have its own.
moves()
{
	local arm
	for arm in $(bench_arms "$2" "$1"); do
		bench_move "$arm" && rig_virsh $here domtime $guest >/dev/null || return 1
	done
	sleep 3
	rig_judge $guest >"$RIG_DIR/verdict" && figures judged "$RIG_DIR/verdict" "$RIG_DIR/runs" >"$RIG_DIR/new"
}

# furnish: $words, which say what the next guest writes; a program may have its own.
words=
furnish()
{
	:
}

# bench_guest N ARMS: so many moves by each with a new guest; their figures count when all went well.
bench_guest()
{
	local host ended
	: >"$RIG_DIR/runs"
	: >"$RIG_DIR/new-blemishes"
	furnish
	# shellcheck disable=SC2086
	rig_define $here $guest $words >/dev/null && rig_start $here $guest && sleep 3 && moves "$1" "$2"
	ended=$?
	for host in A B; do
		rig_virsh $host destroy $guest && wait_for 10 not rig_virsh $host domid $guest
		rig_virsh $host undefine $guest
	done >/dev/null 2>&1
	[ $ended = 0 ] || return
	cat "$RIG_DIR/new" >>"$RIG_DIR/figures"
	cat "$RIG_DIR/new-blemishes" >>"$RIG_DIR/blemishes"
}

# bench_rounds N FEW ARMS: N moves by each arm, a guest for every few of them.  One without KVM does not survive any
# number of passes through its memory, whoever moves it (policy/ramp.h): what was measured with a guest that died is made
# again, and $lost says how many.
bench_rounds()
{
	local n=$1 few=$2 arms=$3 made=0
	lost=0
	bench_listen
	while [ $made -lt "$n" ]; do
		[ $((n - made)) -ge "$few" ] || few=$((n - made))
		guest=g$((made + lost))
		if bench_guest "$few" "$arms"; then
			made=$((made + few))
		else
			lost=$((lost + 1))
			[ $lost -le "$n" ] || { echo "$lost guests were lost"; exit 1; }
		fi
	done
}

# bench_beside N BASE ARM...: guests go N times by each ARM, of which BASE is one: what each takes, and by how much that
# differs from BASE.
bench_beside()
{
	local n=$1 base=$2 arm what
	shift 2
	bench_rounds "$n" 5 "$*"

	bench_machine
	[ $lost = 0 ] || echo "guests that died on the way: $lost"
	figures heading ms
	for what in total completed blackout; do
		for arm; do
			bench_row "$arm" $what "$what, $arm"
		done
		for arm; do
			[ "$arm" = "$base" ] || bench_differ "$arm" "$base" $what "$what: $arm minus $base, 95 % interval"
		done
	done
}

bench_blemishes()
{
	[ ! -s "$RIG_DIR/blemishes" ] || { echo "breached or unverified:"; sort "$RIG_DIR/blemishes" | uniq -c; }
}

# bench_ratio ARM ARM WHAT LABEL
bench_ratio()
{
	figures ratio "$4" <(bench_of "$1" "$3") <(bench_of "$2" "$3")
}
