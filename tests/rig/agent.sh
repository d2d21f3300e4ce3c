# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The agents of the rig's hosts, their settings and certificates.

# rig_agent_conf HOST [LINE...]: settings that fit the rig, and the lines as given; takes effect at the next start.
# RIG_DRIVER=libvirt: without a gate.  RIG_SILENCE: how long an agent may say nothing.  RIG_PROBE: how long an answer of the
# other one may take, before it is not there for a check.  RIG_COPY: more for the section "copy".
rig_agent_conf()
{
	local host=$1 conf=$RIG_DIR/$1/etc/clockferry/clockferryd.conf
	shift
	cat >"$conf.new" <<-C
		listen = { "$(rig_address "$host")" }
		tls {
			ca = "/etc/clockferry/pki/ca.pem"
			cert = "/etc/clockferry/pki/cert.pem"
			key = "/etc/clockferry/pki/key.pem"
		}
		access {
			peer = { "dns:hA", "dns:hB" }
			operator = { "cn:operator" }
			viewer = { "dns:hR" }
		}
		peer "$([ "$host" = A ] && echo hB || echo hA)" { }
		libvirt {
			destination-uri = "qemu+tcp://%s/system"
			driver = "${RIG_DRIVER:-auto}"
		}
		copy {
			heartbeat = "${RIG_HEARTBEAT:-5 s}" # the machine may be busy with other work
			peer-silence = "${RIG_SILENCE:-10 s}"
			${RIG_COPY:-}
		}
		probe { timeout = "${RIG_PROBE:-10 s}" }
	C
	[ $# = 0 ] || printf '%s\n' "$@" >>"$conf.new"
	mv "$conf.new" "$conf" # an agent that reads it just now finds it whole
}

# rig_policy MAX-BLACKOUT [VERIFY-UNTIL]: one for hosts whose clocks are apart, and guests that a busy machine emulates.  Who
# does not look at what becomes of a guest's clock later need not wait until it is read once more.
rig_policy()
{
	echo "policy \"default\" { max-skew = \"10 s\" max-error-bound = \"10 s\" max-blackout = \"$1\" max-residual = \"1 s\"
		verify-until = \"${2:-1 s}\" }"
}

# rig_agents [LINE...]: both hosts' agents start, with such settings.
rig_agents()
{
	local host
	for host in A B; do
		rig_agent_conf $host "$@"
		ok "the agent of h$host starts" rig_agent $host start
	done
}

# rig_certificate HOST [NAME]: gives the host the CA, and NAME's certificate (default: its own; pki.sh has the names).
rig_certificate()
{
	local name=${2:-h$1} pki=$RIG_DIR/$1/etc/clockferry/pki
	"$srcdir/tests/rig/pki.sh" "$RIG_CACHE/pki" || return
	mkdir -p "$pki"
	cp "$RIG_CACHE/pki/ca.pem" "$pki/ca.pem"
	cp "$RIG_CACHE/pki/$name.pem" "$pki/cert.pem"
	cp "$RIG_CACHE/pki/$name.key" "$pki/key.pem"
}

# rig_qemu_certificates HOST: what its QEMU shows, and whom it believes.
rig_qemu_certificates()
{
	local dir=$RIG_DIR/$1/etc/pki/qemu pki=$RIG_CACHE/pki side
	"$srcdir/tests/rig/pki.sh" "$pki" || return
	mkdir -p "$dir"
	cp "$pki/ca.pem" "$dir/ca-cert.pem"
	for side in server client; do
		cp "$pki/h$1.pem" "$dir/$side-cert.pem"
		cp "$pki/h$1.key" "$dir/$side-key.pem"
	done
}

# rig_agent HOST start|stop|kill|restart|reload|freeze|thaw; what it says is in $RIG_DIR/HOST/log/clockferryd.
rig_agent()
{
	case $2 in
	start)
		[ -e "$RIG_DIR/$1/etc/clockferry/clockferryd.conf" ] || rig_agent_conf "$1"
		[ -e "$RIG_DIR/$1/etc/clockferry/pki" ] || rig_certificate "$1" || return
		# In a build with --enable-faults that file makes it fail (daemon/fault.h).
		rig_in "$1" sh -c "CLOCKFERRY_FAULTS=/var/log/faults $builddir/clockferryd --config /etc/clockferry/clockferryd.conf </dev/null >>/var/log/clockferryd 2>&1 &"
		wait_for 20 rig_clockferry "$1" version
		;;
	stop) rig_in "$1" pkill -TERM -x clockferryd && wait_for 60 not rig_in "$1" pgrep -x clockferryd ;;
	kill) rig_in "$1" pkill -KILL -x clockferryd && wait_for 10 not rig_in "$1" pgrep -x clockferryd ;;
	restart) rig_agent "$1" stop && rig_agent "$1" start ;;
	reload)
		local before
		before=$(rig_reloads "$1")
		rig_in "$1" pkill -HUP -x clockferryd && wait_for 10 eval "[ \$(rig_reloads $1) -gt $before ]"
		;;
	freeze) rig_in "$1" pkill -STOP -x clockferryd ;;
	thaw) rig_in "$1" pkill -CONT -x clockferryd ;;
	*) return 2 ;;
	esac
}

# rig_reloads HOST: how often its agent has read its settings again, or tried to.
rig_reloads()
{
	grep -cE 'the settings (were read again|stay as they were)' "$RIG_DIR/$1/log/clockferryd"
}

# rig_clockferry HOST ARGUMENT...: the command, by root on that host; towards other hosts it is "operator".
rig_clockferry()
{
	local host=$1
	shift
	rig_in "$host" env CLOCKFERRY_CA="$RIG_CACHE/pki/ca.pem" CLOCKFERRY_CERT="$RIG_CACHE/pki/operator.pem" \
		CLOCKFERRY_KEY="$RIG_CACHE/pki/operator.key" "$builddir/clockferry" "$@"
}
