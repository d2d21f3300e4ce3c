# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Real agents without a rig: in namespaces of their own, each with a /run of its
# own, on ports of 127.0.0.1.  libvirt is its test driver, and there is no chronyd.
#
#	. "$srcdir/tests/agents.sh" && agents_begin "$0"

. "$srcdir/tests/tap.sh" || exit 1

declare -A agent_pid=() agent_build=()

# agents_begin SCRIPT: goes on inside, as root or as one who is root there; $dir is for the test.
agents_begin()
{
	local inside=(unshare -mn --propagation private)
	[ "$(id -u)" = 0 ] || inside=(unshare -rmn --propagation private)
	if [ -z "$AGENTS_INSIDE" ]; then
		requires_command python3 certtool nsenter ip
		"${inside[@]}" true 2>/dev/null || skip_all "needs namespaces"
		exec env AGENTS_INSIDE=1 srcdir="$srcdir" builddir="$builddir" "${inside[@]}" bash "$1"
	fi
	dir=$(mktemp -d)
	chmod 711 "$dir"
	cleanup 'rm -rf "$dir"'
	ip link set lo up
	echo "127.0.0.1 hA hB" >"$dir/hosts"
	mount --bind "$dir/hosts" /etc/hosts
	"$srcdir/tests/rig/pki.sh" "$dir/pki" || exit 1
	cleanup 'for host in "${!agent_pid[@]}"; do agent_stop "$host"; done'
}

# agent_conf HOST PORT [LINE...]: its settings.
agent_conf()
{
	local host=$1 port=$2
	shift 2
	mkdir -p "$dir/$host"
	cat >"$dir/$host/conf" <<-C
		host = h$host
		listen = { "127.0.0.1" }
		port = $port
		tls { ca = "$dir/pki/ca.pem" cert = "$dir/pki/h$host.pem" key = "$dir/pki/h$host.key" }
		access { peer = { "dns:hA", "dns:hB" } operator = { "cn:operator" } }
		chrony { via = socket socket = "$dir/no-chronyd" }
		libvirt { uri = "test:///default" }
		$(printf '%s\n' "$@")
	C
}

# agent_start HOST [BUILD]: of this build, or of another one.
agent_start()
{
	local host=$1
	agent_build[$host]=${2:-$builddir}
	unshare -m sh -c "mount -t tmpfs none /run && mkdir /run/clockferry && echo \$\$ >'$dir/$host/pid' &&
		exec '${agent_build[$host]}/clockferryd' --config '$dir/$host/conf'" </dev/null >>"$dir/$host/log" 2>&1 &
	wait_for 20 agent_answers "$host"
	agent_pid[$host]=$(cat "$dir/$host/pid")
}

agent_answers()
{
	[ -s "$dir/$1/pid" ] &&
		nsenter -t "$(cat "$dir/$1/pid")" -m "${agent_build[$1]}/clockferry" version >/dev/null 2>&1
}

agent_stop()
{
	kill "${agent_pid[$1]}" 2>/dev/null
	wait_for 20 not kill -0 "${agent_pid[$1]}"
}

# inside HOST COMMAND...: where that agent's socket is.
inside()
{
	local host=$1
	shift
	nsenter -t "${agent_pid[$host]}" -m "$@"
}

# pick EXPRESSION: of the JSON that comes in, v.
pick()
{
	python3 -c "import json, sys; v = json.load(sys.stdin); print($1)"
}
