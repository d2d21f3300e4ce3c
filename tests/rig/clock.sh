# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The clocks of the rig: a reference chronyd on R, which A's and B's chronyd
# follow, none of them touching the machine's clock (-x); and libfaketime,
# which gives a host's processes a clock of their own.

# rig_chrony_conf HOST [LINE...]: more lines as given; takes effect at the next start.
rig_chrony_conf()
{
	local host=$1
	shift
	{
		if [ "$host" = R ]; then
			printf '%s\n' "local stratum 1" "allow $(rig_address net)"
		else
			printf '%s\n' "server $(rig_address R) iburst minpoll -3 maxpoll -1" "port 0"
		fi
		printf '%s\n' "driftfile /var/lib/chrony/chrony.drift" "pidfile /run/chrony/chronyd.pid" "$@"
	} >"$RIG_DIR/$host/etc/chrony/chrony.conf"
}

# rig_chrony HOST start|stop|kill|restart|freeze|thaw, or what chronyc knows ("tracking").
rig_chrony()
{
	local host=$1
	shift
	case $1 in
	start)
		local unset=(-u LD_PRELOAD)
		[ ! -e "$RIG_DIR/$host/faked-chrony" ] || unset=()
		rig_in "$host" env "${unset[@]}" chronyd -x -u root -f /etc/chrony/chrony.conf
		;;
	stop) rig_in "$host" pkill -x chronyd && wait_for 10 not rig_in "$host" pgrep -x chronyd ;;
	kill) rig_in "$host" pkill -KILL -x chronyd && wait_for 10 not rig_in "$host" pgrep -x chronyd ;;
	restart) rig_chrony "$host" stop && rig_chrony "$host" start ;;
	freeze) rig_in "$host" pkill -STOP -x chronyd ;;
	thaw) rig_in "$host" pkill -CONT -x chronyd ;;
	*) rig_in "$host" chronyc -n "$@" ;;
	esac
}

# rig_clock_wait HOST: until its chronyd has selected the reference.
rig_clock_wait()
{
	wait_for "${2:-20}" rig_clock_selected "$1"
}

rig_clock_selected()
{
	rig_chrony "$1" -c sources | grep -q '^^,\*'
}

# rig_faketime HOST OFFSET [chrony]: everything on that host, QEMU included, sees CLOCK_REALTIME off by OFFSET
# ("+2", "-3600", "+0.0003": seconds).  Its chronyd stays with the true clock and knows nothing of it, or with
# "chrony" looks at the same clock as the others and says so.  First said before rig_up; then at any time: a step.
rig_faketime()
{
	local host=$1 offset=$2
	rig_folder
	if rig_pid "$host" >/dev/null; then
		[ -e "$RIG_DIR/$host/faked" ] || { echo "host $host was not faked when it came up" >&2; return 1; }
		echo "$offset" >"$RIG_DIR/$host/etc/faketimerc"
		sleep 2 # until every process has looked again
		return
	fi
	mkdir -p "$RIG_DIR/$host"
	echo "$offset" >"$RIG_DIR/$host/faked"
	[ "${3:-}" != chrony ] || : >"$RIG_DIR/$host/faked-chrony"
}

# rig_fake_env HOST: the environment of what runs there.
rig_fake_env()
{
	[ -e "$RIG_DIR/$1/faked" ] || return
	echo "LD_PRELOAD=$rig_programs/timers.so $(rig_faketime_library) $rig_programs/skew.so"
	echo "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
}

rig_faketime_library()
{
	ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null
}

# rig_raw: this machine's CLOCK_MONOTONIC_RAW, in ns: what the collector and tests/rig/late stamp their lines with.
rig_raw()
{
	python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW))'
}
