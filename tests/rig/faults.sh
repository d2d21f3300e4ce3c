# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What tests/faults.sh does to the rig's hosts, and how it looks at their guest from outside.

faults_settings='policy "default" { max-skew = "20 s" max-error-bound = "20 s" max-blackout = "3 s" verify-until = "1 s"
		off = { "kernel-unsync", "tai-unknown" } }
	probe { interval = "1 s" }
	lease = "5 s"'
RIG_SILENCE="2 s"
faults_silence=5	# longer than every one of those
faults_port=9437
broken=

other()
{
	[ "$1" = A ] && echo B || echo A
}

# side_host SIDE: which host that is in this cell.
side_host()
{
	# shellcheck disable=SC2154 # the cell's
	[ "$1" = source ] && echo "$from" || echo "$to"
}

# --- up ---

# A small disk under each ledger, a clock of its own for each host, and somebody who looks.
faults_up()
{
	local host
	for host in A B; do
		rig_faketime $host "+0.000001"
		mkdir -p "$RIG_DIR/$host/lib/clockferry"
		mount -t tmpfs -o size=24m,mode=0700 none "$RIG_DIR/$host/lib/clockferry" || skip_all "cannot mount a tmpfs here"
	done
	rig_up
	cleanup 'umount -l "$RIG_DIR"/[AB]/lib/clockferry'
	: >"$RIG_DIR/table"
	for host in A B; do
		rig_agent_conf $host "$faults_settings"
		ok "the agent of h$host starts" rig_agent $host start
		look_at $host &
		cleanup "kill $! 2>/dev/null"
	done
}

# Whatever becomes of the host, it is looked at again when it is there.
look_at()
{
	while sleep 0.2; do
		rig_in "$1" env -u LD_PRELOAD "$rig_programs/look" g >>"$RIG_DIR/looks-$1"
	done 2>/dev/null
}

forget_looks()
{
	local host
	for host in A B; do
		rm -f "$RIG_DIR/$host/log"/faults*
		: >"$RIG_DIR/looks-$host"
	done
	: >"$RIG_DIR/tick-g.log"
	sleep 0.5	# for what the guest's clock is now
}

seen()
{
	(cd "$srcdir/tests/rig" && python3 cell.py "$RIG_DIR/tick-g.log" "$RIG_DIR/looks-A" "$RIG_DIR/looks-B")
}

# Where it runs: A, B, both, or nothing.
where()
{
	local host
	for host in A B; do
		[ "$(rig_virsh $host domstate g 2>/dev/null | head -n 1)" != running ] || printf %s $host
	done
}

runs()
{
	[ "$(where)" ]
}

# The same, when it had a moment to come up.
wait_for_one()
{
	wait_for 5 runs
	where
}

# A guest that runs on hA, whatever the cell before left, and starts with its host.
fresh_guest()
{
	local host
	for host in A B; do
		rig_virsh $host destroy g >/dev/null 2>&1
		rig_virsh $host undefine g >/dev/null 2>&1
		rm -f "$RIG_DIR/$host/log/console-g"
	done
	rig_define A g mem=128 && rig_virsh A autostart g >/dev/null && rig_start A g
}

# Everything is as it should be before a migration: it goes from where the guest is.
ready()
{
	local host
	for host in A B; do
		agent_up $host || return
	done
	if [ "$broken" ] || [ "$(where | wc -c)" != 1 ] || ! wait_for 10 rig_virsh "$(where)" domtime g; then
		abort_all
		fresh_guest || return
		broken=
	fi
	from=$(where)
	to=$(other "$from")
	wait_for 10 all_quiet
	wait_for 45 rig_clockferry "$from" check g "h$to" || { rig_clockferry "$from" check g "h$to" | sed 's/^/# /'; return 1; }
}

# One that is there and does not answer is on its way out.
agent_up()
{
	if rig_in "$1" pgrep -x clockferryd >/dev/null; then
		! wait_for 5 rig_clockferry "$1" version || return 0
		rig_agent "$1" kill
	fi
	rig_agent "$1" start
}

abort_all()
{
	local host id
	for host in A B; do
		ask $host GET '/v1/migrations?state=open' >/dev/null
		for id in $(pick '" ".join(m["id"] for m in v["list"])' <"$RIG_DIR/answer" 2>/dev/null); do
			rig_clockferry $host abort "$id" || rig_clockferry $host resolve "$id" runs-there "the test goes on"
		done
	done >/dev/null 2>&1
}

# --- faults ---

# mute HOST -A|-D: what its agent says to the other, and answers, is lost; QEMU's stream is not.
mute()
{
	rig_in "$1" iptables "$2" OUTPUT -p tcp --dport $faults_port -j DROP &&
		rig_in "$1" iptables "$2" OUTPUT -p tcp --sport $faults_port -j DROP
}

damage()
{
	rig_agent "$1" kill
	rig_in "$1" sh -c 'cd /var/lib/clockferry && dd if=/dev/urandom of=ledger.db bs=4096 count=2 conv=notrunc && rm -f ledger.db-wal ledger.db-shm' 2>/dev/null
}

# do_fault COLUMN: the agent that was held goes on then, if it still lives.
do_fault()
{
	local host
	host=$(side_host "${1##*-}")
	case $1 in
	kill-both) rig_agent "$from" kill; rig_agent "$to" kill ;;
	kill-*) rig_agent "$host" kill ;;
	stop-*)
		rig_agent "$host" freeze
		[ "$host" = "$holder" ] || rig_agent "$holder" thaw
		sleep $faults_silence
		;;
	libvirtd-*) rig_libvirtd "$host" kill; rig_libvirtd "$host" start ;;
	mute-*) mute "$host" -A; rig_agent "$holder" thaw; sleep $faults_silence ;;
	power-*) rig_power "$host" off; rig_agent "$holder" thaw; sleep $((faults_silence - 2)) ;;
	full-*) rig_in "$host" sh -c 'cat /dev/zero >/var/lib/clockferry/other'; rig_agent "$holder" thaw; sleep 3 ;;
	readonly-*)
		rig_agent "$host" kill
		rig_in "$host" mount -o remount,ro /var/lib/clockferry
		rig_agent "$holder" thaw
		rig_agent "$host" start
		sleep 2
		;;
	damage-*) damage "$host" ;;
	lost-*) rig_agent "$host" kill; rig_in "$host" sh -c 'rm -f /var/lib/clockferry/*' ;;
	ahead-*) rig_faketime "$host" "+7" ;;
	behind-*) rig_faketime "$host" "-7" ;;
	*) echo "no fault $1" >&2; return 2 ;;
	esac
	rig_agent "$holder" thaw
	return 0
}

# repair COLUMN: the host is as it was; an agent that died is started again, as systemd does.
repair()
{
	local host
	host=$(side_host "${1##*-}")
	case $1 in
	mute-*) mute "$host" -D ;;
	power-*) rig_power "$host" on ;;
	full-*) rm -f "$RIG_DIR/$host/lib/clockferry/other" ;;
	readonly-*) rig_agent "$host" kill; rig_in "$host" mount -o remount,rw /var/lib/clockferry ;;
	ahead-* | behind-*) rig_faketime "$host" "+0.000001" ;;
	esac
	for host in A B; do
		rm -f "$RIG_DIR/$host/log/faults"
		rig_agent $host thaw
		agent_up $host
	done
}

# --- what may be ---

# Is it in the nature of this fault that nobody can know whether the guest ran?
may_doubt()
{
	# shellcheck disable=SC2154 # the cell's
	case $column in
	damage-destination | lost-destination | power-destination | readonly-destination | libvirtd-destination) return 0 ;;
	*) return 1 ;;
	esac
}

# clock_is_right MOVED: within what policy allows, and a busy machine may show.
clock_is_right()
{
	case $1 in
	booted | \?) return 0 ;;
	esac
	python3 -c "import sys; sys.exit(abs(float('$1'.split()[0])) > 30)"
}

# marks_of HOST: how many places of its two pages are taken.
marks_of()
{
	python3 - "$RIG_DIR/$1"/run/clockferry/decisions "$RIG_DIR/$1"/lib/clockferry/ledger.db-promises <<-'P'
		import sys
		n = 0
		for path in sys.argv[1:]:
		    try:
		        data = open(path, "rb").read()
		    except OSError:
		        continue
		    n += sum(any(data[at:at + 4]) for at in range(0, len(data), 512))
		print(n)
	P
}
