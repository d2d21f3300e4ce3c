# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What tests/faults.sh does to the rig's hosts, and how it looks at their guest from outside.

# Whatever waits for somebody waits no longer than 6 s by these: the agents, and libvirtd for who has a connection with it.
# But a guest's clock is made right however late who can do it is there again, and how long the guest of one cell stood still
# says nothing about the next one's.
faults_settings='policy "default" { max-skew = "20 s" max-error-bound = "20 s" max-blackout = "3 s" verify-until = "1 s"
		gate-grace = "4 s" off = { "kernel-unsync", "tai-unknown", "blackout-predicted" } }
	probe { interval = "1 s" }
	guest { correct-within = "5 min" }
	lease = "5 s"'
RIG_SILENCE="2 s"
RIG_PROBE="2 s"
RIG_COPY='no-progress = "5 s"'
RIG_KEEPALIVE=1
faults_frozen=8		# longer than every one of those
faults_hang=18		# longer than the agents wait for a libvirtd that is silent, 15 s
faults_port=9437
faults_user=libvirt-qemu

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

# may_read FILE: may those QEMUs?
may_read()
{
	setpriv --reuid $faults_user --clear-groups test -r "$1" 2>/dev/null
}

# An image on a file system of both hosts, whose owner libvirt changes and remembers, and a QEMU that is nobody special.
share()
{
	if ! may_read "$RIG_CACHE/vmlinuz" || ! may_read "$rig_programs/skew.so"; then
		skip "QEMU is nobody special, and its image its own" "$faults_user is not there, or may not read what lies in $builddir"
		return
	fi
	RIG_QEMU_USER=$faults_user
	RIG_NFS=$(mktemp -d "${TMPDIR:-/tmp}/shared.XXXXXX")
	cleanup 'rm -rf "$RIG_NFS"'
	chmod 0755 "$RIG_NFS"
	head -c 8M /dev/zero >"$RIG_NFS/disk"
	shared_disk="extra=<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='$RIG_NFS/disk'/><target dev='vda' bus='virtio'/></disk>"
}

# A small disk under each ledger, a clock of its own for each host, and somebody who looks.
faults_up()
{
	local host
	share
	for host in A B; do
		rig_faketime $host "+0.000001"
		mkdir -p "$RIG_DIR/$host/lib/clockferry"
		mount -t tmpfs -o size=24m,mode=0700 none "$RIG_DIR/$host/lib/clockferry" || { echo "Bail out! no tmpfs"; exit 1; }
	done
	rig_up
	cleanup 'umount -l "$RIG_DIR"/[AB]/lib/clockferry'
	rig_agents "$faults_settings"
	for host in A B; do
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

# What is kept of a cell that failed is its own.
forget_logs()
{
	local host
	for host in A B; do
		: >"$RIG_DIR/$host/log/clockferryd"
		: >"$RIG_DIR/$host/log/libvirt/libvirtd.log"
	done
	: >"$RIG_DIR/faults.log"
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

# seen NANOSECONDS: since when what failed is put right.
seen()
{
	(cd "$srcdir/tests/rig" && python3 cell.py "$RIG_DIR/tick-g.log" "$RIG_DIR/looks-A" "$RIG_DIR/looks-B" "$1")
}

# since NANOSECONDS: in seconds.
since()
{
	python3 -c 'import sys; print("%.1f s" % ((int(sys.argv[2]) - int(sys.argv[1])) / 1e9))' "$1" "$(rig_raw)"
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
	rig_define A g mem=128 ${shared_disk:+"$shared_disk"} && rig_virsh A autostart g >/dev/null && rig_start A g
}

# Everything is as it should be before a migration: it goes from where the guest is.  Hosts that do not come to that boot anew.
ready()
{
	in_order || { anew && in_order; }
}

anew()
{
	local host
	for host in A B; do
		rig_power $host off && rig_power $host on || return
	done
}

in_order()
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

# half HOST: no connection of its agent with the other takes anything more from it (FIN).
half()
{
	echo "$(rig_in "$1" python3 "$srcdir/tests/rig/half.py" clockferryd $faults_port) connections are half closed"
}

# freeze_qemu HOST: those there are.
freeze_qemu()
{
	rig_in "$1" pkill -STOP qemu-system
}

# In the copy it is to hang before the guest stops, which nobody sees then: so long the memory is under way.
hang_libvirtd()
{
	# shellcheck disable=SC2154 # the cell's
	if [ "$row" = source-copying-act ]; then
		rig_tbf "$from" 300mbit
		rig_agent "$holder" thaw
		wait_for 20 copies "$from" "$id"
	fi
	rig_libvirtd "$1" freeze
	rig_agent "$holder" thaw
	sleep $((faults_frozen > faults_hang ? faults_frozen : faults_hang))
}

# As a service manager does it, which starts a new one when the old one has ended: with a migration that takes 30 s.
restart_libvirtd()
{
	local stopped
	rig_libvirtd "$1" stop &
	stopped=$!
	rig_agent "$holder" thaw
	wait $stopped
	wait_for 60 rig_libvirtd "$1" start # the pid file is held until the very end of the old one
	wait_for 30 rig_virsh "$1" version
}

# A host that has no QEMU yet soon has one.
hang_qemu()
{
	freeze_qemu "$1" || { rig_agent "$holder" thaw; wait_for 10 freeze_qemu "$1"; }
	rig_agent "$holder" thaw
	sleep $faults_frozen
}

# Somebody asks that host for the end of it, and whoever holds the agent there lets go.
call_off()
{
	rig_clockferry "$1" abort "$id" &
	sleep 0.5
	rig_agent "$holder" thaw
	wait $!
}

damage()
{
	rig_agent "$1" kill
	rig_in "$1" sh -c 'cd /var/lib/clockferry && dd if=/dev/urandom of=ledger.db bs=4096 count=2 conv=notrunc && rm -f ledger.db-wal ledger.db-shm' 2>/dev/null
}

lose()
{
	rig_agent "$1" kill
	rig_in "$1" sh -c 'rm -f /var/lib/clockferry/*'
}

# leave_alone: the source's agent dies, and the destination has a moment to let the guest run, which is to be seen to run.
leave_alone()
{
	rig_agent "$from" kill
	wait_for 20 runs_there
	sleep 3	# of which some ticks come
}

runs_there()
{
	[ "$(rig_virsh "$to" domstate g)" = running ]
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
		sleep $faults_frozen
		;;
	libvirtd-*) rig_libvirtd "$host" kill; rig_libvirtd "$host" start ;;
	restart-*) restart_libvirtd "$host" ;;
	hung-*) hang_libvirtd "$host" ;;
	qemu-*) hang_qemu "$host" ;;
	half-*) half "$host" ;;
	abort-*) call_off "$host" ;;
	mute-*) mute "$host" -A; rig_agent "$holder" thaw; sleep $faults_frozen ;;
	power-*) rig_power "$host" off; rig_agent "$holder" thaw; sleep 3 ;;
	full-*) rig_in "$host" sh -c 'cat /dev/zero >/var/lib/clockferry/other'; rig_agent "$holder" thaw; sleep 3 ;;
	readonly-*)
		rig_agent "$host" kill
		rig_in "$host" mount -o remount,ro /var/lib/clockferry
		rig_agent "$holder" thaw
		rig_agent "$host" start
		sleep 2
		;;
	damage-*) damage "$host" ;;
	lost-*) lose "$host" ;;
	late-*)
		lose "$host"
		rig_agent "$holder" thaw
		wait_for 40 quiet "$(other "$host")"
		;;
	off-*) leave_alone; rig_virsh "$host" destroy g ;;
	killed-*) leave_alone; rig_in "$host" pkill -KILL qemu-system ;;
	later-power-*) leave_alone; rig_power "$host" off; sleep 3 ;;
	later-lost-*) leave_alone; lose "$host" ;;
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
	hung-*) rig_libvirtd "$host" thaw; rig_tbf "$from" off ;;
	qemu-*) rig_in "$host" pkill -CONT qemu-system ;;
	power-* | later-power-*) rig_power "$host" on ;;
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
	damage-destination | lost-destination | power-destination | readonly-destination | later-*) return 0 ;;
	libvirtd-destination | restart-destination | hung-destination) return 0 ;;
	*) return 1 ;;
	esac
}

# owned: is the image whose the guest that runs needs it to be?
owned()
{
	[ "$(stat -c %U "$RIG_NFS/disk")" = $faults_user ]
}

# clock_is_right MOVED < RECEIPT: within what policy allows, and a busy machine may show.  Where it is known by less, as the
# guest itself was slow to answer or nobody saw it stop, the receipt has between what the error is: then it is there, and may
# be as little as that.
clock_is_right()
{
	case $1 in
	booted | \?) return 0 ;;
	esac
	python3 -c '
import json, sys
SHOWS, TICKS = 30, 10
moved = float(sys.argv[1].split()[0])
low = high = 0
try:
    receipt = json.load(sys.stdin)
    left = (receipt["kept"] if "kept" in receipt else receipt["landing"])["residuals"][-1]["residual"]
    low, high = left["low_ns"] / 1e6, left["high_ns"] / 1e6
except (ValueError, LookupError):
    print("the receipt has no error")
print("the receipt has %+.1f .. %+.1f ms" % (low, high))
least = 0 if low <= 0 <= high else min(abs(low), abs(high))
sys.exit(abs(moved) > SHOWS and not (least <= SHOWS and low - TICKS <= moved <= high + TICKS))' "$1"
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
