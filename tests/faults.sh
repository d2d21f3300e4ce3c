#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What becomes of a guest, and of what is said of it, when something fails at a given moment of its
# migration: rows are moments, columns are faults.  In each cell an agent stops itself at the row's
# point, the column's fault is done from outside, the agent goes on, everything is repaired, and
# then it is looked at from outside: by the guest's own ticks, and by both libvirtds, sampled all the while.
#
#	faults.sh                    one fault a row
#	FAULTS=all faults.sh         every cell
#	FAULTS="ROW:COLUMN ..." ...  those
#
# It needs a build with --enable-faults (make faults).
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl iptables
"$builddir/tests/test-fault" --points 2>/dev/null | grep -q '^source-armed-noted$' || skip_all "needs a build with --enable-faults"

rows=(source-checking-act source-reserved-act source-capturing-act source-copying-act source-copying-done source-armed-noted
	source-paused-act source-loaded-act source-committing-act source-committing-done source-landed-noted
	source-correcting-act source-verifying-act
	destination-leased-noted destination-prepared-act destination-prepared-done destination-armed-noted
	destination-loaded-act destination-obeyed-act destination-obeyed-done destination-running-noted
	destination-correcting-act destination-verifying-act)
columns=(kill-source kill-destination kill-both stop-source stop-destination libvirtd-source libvirtd-destination
	mute-source mute-destination power-source power-destination full-source full-destination
	damage-source damage-destination step-source step-destination)
thin=(source-checking-act:kill-source source-reserved-act:kill-destination source-capturing-act:mute-source
	source-copying-act:libvirtd-source source-armed-noted:kill-both source-paused-act:kill-source
	source-loaded-act:stop-source source-committing-act:kill-source source-committing-done:kill-source
	source-landed-noted:damage-source source-verifying-act:kill-both destination-leased-noted:kill-destination
	destination-prepared-done:kill-destination destination-armed-noted:kill-destination
	destination-loaded-act:mute-destination destination-obeyed-act:kill-destination
	destination-obeyed-done:kill-both destination-running-noted:power-source destination-verifying-act:kill-destination)

settings='policy "default" { max-skew = "20 s" max-error-bound = "20 s" max-blackout = "3 s" max-residual = "20 s" }
	copy { heartbeat = "5 s" peer-silence = "3 s" }'
silence=5	# longer than that
port=9437

# --- the guest, and who has it ---

# state HOST: of the guest there: running, paused, "shut off", or nothing.
state()
{
	rig_virsh "$1" domstate g 2>/dev/null | head -n 1
}

# Each look at a host, with when it began and ended.
sample()
{
	local host=$1 began
	while :; do
		began=$EPOCHREALTIME
		echo "$host $began $(state "$host" | tr ' ' -) $EPOCHREALTIME"
		sleep 0.1
	done >>"$RIG_DIR/samples-$host" 2>/dev/null
}

# twice FROM: how many looks at one host saw it run between two looks at the other that did.
twice()
{
	python3 - "$1" "$RIG_DIR"/samples-[AB] <<-'P'
		import sys
		since, looks = float(sys.argv[1]), {"A": [], "B": []}
		for path in sys.argv[2:]:
		    for line in open(path):
		        f = line.split()
		        if len(f) == 4 and float(f[1]) >= since:
		            looks[f[0]].append((float(f[1]), float(f[3]), f[2] == "running"))
		n = 0
		for one, other in (("A", "B"), ("B", "A")):
		    for x, y in zip(looks[one], looks[one][1:]):
		        n += x[2] and y[2] and any(z[2] and x[1] <= z[0] and z[1] <= y[0] for z in looks[other])
		print(n)
	P
}

other()
{
	[ "$1" = A ] && echo B || echo A
}

# Where it runs: A, B, or nothing; "AB" should never be seen.
where()
{
	local host
	for host in A B; do
		[ "$(state $host)" != running ] || printf %s $host
	done
}

# A guest on A that runs, whatever the cell before left.
fresh_guest()
{
	local host
	for host in A B; do
		rig_virsh $host destroy g >/dev/null 2>&1
		rig_virsh $host undefine g >/dev/null 2>&1
		rm -f "$RIG_DIR/$host/log/console-g"
	done
	rig_define A g mem=128 && rig_start A g
}

# --- faults ---

# held HOST: its agent has stopped itself at the point.
held()
{
	[ -e "$RIG_DIR/$1/log/faults.fired" ]
}

# What one host's agent says to the other's, and answers, is lost; QEMU's stream is not.
mute()
{
	rig_in "$1" iptables "$2" OUTPUT -p tcp --dport $port -j DROP && rig_in "$1" iptables "$2" OUTPUT -p tcp --sport $port -j DROP
}

damage()
{
	rig_agent "$1" kill
	rig_in "$1" sh -c 'dd if=/dev/urandom of=/var/lib/clockferry/ledger.db bs=4096 count=2 conv=notrunc; rm -f /var/lib/clockferry/ledger.db-*' 2>/dev/null
}

# side_host SIDE: which host that is in this cell.
side_host()
{
	[ "$1" = source ] && echo "$from" || echo "$to"
}

# The fault itself; the agent that was held goes on when it is done, if it still lives.
do_fault()
{
	local what=${1%-*} host
	host=$(side_host "${1##*-}")
	case $1 in
	kill-both) rig_agent "$from" kill; rig_agent "$to" kill ;;
	kill-*) rig_agent "$host" kill ;;
	stop-*)
		rig_agent "$host" freeze
		[ "$host" = "$held" ] || rig_agent "$held" thaw
		sleep $silence
		;;
	libvirtd-*) rig_libvirtd "$host" kill; rig_libvirtd "$host" start ;;
	mute-*) mute "$host" -A; rig_agent "$held" thaw; sleep $silence ;;
	power-*) rig_power "$host" off ;;
	full-*) rig_in "$host" sh -c 'cat /dev/zero >/var/lib/clockferry/other' 2>/dev/null; rig_agent "$held" thaw; sleep 2 ;;
	damage-*) damage "$host" ;;
	step-*) rig_faketime "$host" "+7" ;;
	*) echo "no fault $1 ($what)" >&2; return 2 ;;
	esac
	rig_agent "$held" thaw
	return 0
}

repair()
{
	local host
	host=$(side_host "${1##*-}")
	case $1 in
	mute-*) mute "$host" -D ;;
	power-*) rig_power "$host" on ;;
	full-*) rm -f "$RIG_DIR/$host/lib/clockferry/other" ;;
	step-*) rig_faketime "$host" "+0.000001" ;;
	esac
	for host in A B; do
		rm -f "$RIG_DIR/$host/log/faults"
		rig_agent $host thaw
		rig_in $host pgrep -x clockferryd >/dev/null || rig_agent $host start
	done
} 2>/dev/null

# A disk of its own under the ledger: rig_agent is stopped meanwhile.
small_disk()
{
	local host=$1 dir=/var/lib/clockferry
	rig_agent "$host" stop
	case $2 in
	on) rig_in "$host" sh -c "mkdir -p /var/lib/kept && cp -a $dir/. /var/lib/kept && mount -t tmpfs -o size=8m none $dir && cp -a /var/lib/kept/. $dir" ;;
	off) rig_in "$host" sh -c "cp -a $dir/. /var/lib/kept && umount $dir && cp -a /var/lib/kept/. $dir && rm -rf /var/lib/kept" ;;
	esac
	rig_agent "$host" start
}

# --- one cell ---

ended()
{
	in_phase "$1" "$2" 'done|aborted|refused|in-doubt|dropped' || [ "$(ask "$1" GET "/v1/migrations/$2")" = 404 ]
}

# What the cell came to, for the table.
tell()
{
	local source destination copies=$1 reached=$2
	source=$(phase "$from" "$id" 2>/dev/null)
	destination=$(phase "$to" "$id" 2>/dev/null)
	printf '# %-26s %-20s %-8s %-10s %-10s runs: %-4s receipts: %-8s clock: %s\n' "$row" "$column" "$reached" \
		"${source:--}" "${destination:--}" "${copies:-none}" "$receipts" "$clock"
} 2>/dev/null

cell()
{
	local row=$1 column=$2 host began copies receipts=- clock=- reached=no from=A to=B held ticks
	fresh_guest || { result 1 "$row, $column: a guest to begin with"; return; }
	held=$(side_host "${row%%-*}")
	case $column in full-*) small_disk "$(side_host "${column##*-}")" on ;; esac
	for host in A B; do
		rm -f "$RIG_DIR/$host/log"/faults*
		: >"$RIG_DIR/samples-$host"
	done
	: >"$RIG_DIR/tick-g.log"
	began=$EPOCHREALTIME
	echo "$row stop" >"$RIG_DIR/$held/log/faults"
	id=$(cat /proc/sys/kernel/random/uuid)
	(ask "$from" PUT "/v1/migrations/$id" "{\"domain\":\"g\",\"destination\":\"h$to\"}" >/dev/null 2>&1) &
	wait_for 60 held "$held" && reached=yes
	result "$([ $reached = yes ]; echo $?)" "$row, $column: it comes to that point"
	do_fault "$column" >/dev/null 2>&1
	repair "$column"
	ok "... it ends at the source" wait_for 90 ended "$from" "$id"
	ok "... and at the destination" wait_for 60 ended "$to" "$id"
	sleep 1
	copies=$(where)
	if in_phase "$from" "$id" in-doubt; then
		ok "... in doubt, the guest does not run at the source" [ "$copies" != A ]
	elif [[ "$column" == power-* ]]; then
		ok "... the guest runs once, or went with its host" [ "${#copies}" -le 1 ]
	else
		ok "... the guest runs once: $copies" [ "${#copies}" = 1 ]
	fi
	is "... no look at both saw it run on both" "$(twice "$began")" 0
	ticks=$(rig_judge g 2>/dev/null | pick 'len(v["two_copies"]) + len(v["rollbacks"])' 2>/dev/null)
	is "... nor did its ticks come from both, or go back" "${ticks:-0}" 0
	if wait_for 45 same_receipts "$id"; then
		receipts=same
		clock=$(receipt '"; ".join(k + " " + str(round(v[k]["high_ns"] / 1e6, 1)) + " ms" for k in ("blackout", "lag") if k in v) or "-"')
	elif [[ "$column" == damage-* ]] || in_phase "$from" "$id" in-doubt || [ "$(ask "$from" GET "/v1/migrations/$id")" = 404 ] ||
		[ "$(ask "$to" GET "/v1/migrations/$id")" = 404 ]; then
		receipts=none
	else
		receipts=differ
	fi
	ok "... both hosts have one receipt, or nothing to say" [ $receipts != differ ]
	tell "$copies" $reached
	case $column in full-*) small_disk "$(side_host "${column##*-}")" off ;; esac
}

# --- all of them ---

for host in A B; do
	rig_faketime $host "+0.000001"
done
rig_up
for host in A B; do
	rig_agent_conf $host "$settings"
	rig_agent $host start || result 1 "the agent of h$host starts"
done
for host in A B; do
	sample $host &
	cleanup "kill $! 2>/dev/null"
done

case ${FAULTS:-thin} in
thin) cells=("${thin[@]}") ;;
all) mapfile -t cells < <(for row in "${rows[@]}"; do for column in "${columns[@]}"; do echo "$row:$column"; done; done) ;;
*) read -ra cells <<<"$FAULTS" ;;
esac
for each in "${cells[@]}"; do
	cell "${each%%:*}" "${each#*:}"
done
finish
