#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One real agent, and clients that mean no good: others are answered meanwhile, what
# it holds is bounded, and afterwards it is as it was.
. "$srcdir/tests/agents.sh"
. "$srcdir/tests/held.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root: one client is nobody"
agents_begin "$0"

port=9443
socket=/run/clockferry/api.sock
agent_conf A $port "ledger { path = \"$dir/ledger\" }"
ok "an agent" agent_start A || exit 1
agent=${agent_pid[A]}

attack()
{
	inside A python3 "$srcdir/tests/attack.py" "$@"
}
polite_local()
{
	attack --unix $socket --seconds "$1" --path /v1/version polite
}
polite_tls()
{
	attack --tcp 127.0.0.1:$port --cert "$dir/pki/hB.pem" --key "$dir/pki/hB.key" --seconds "$1" polite
}

# pick FILE EXPRESSION: of the JSON in it, v.
pick()
{
	python3 -c "import json; v = json.load(open('$1')); print($2)"
}

# others NAME SECONDS: both polite clients, into NAME.local and NAME.tls; and what the agent held, into NAME.most.
others()
{
	watch "$dir/$1.most" &
	local watching=$!
	polite_local "$2" >"$dir/$1.local" 2>"$dir/$1.local.err" &
	local first=$!
	polite_tls "$2" >"$dir/$1.tls" 2>"$dir/$1.tls.err"
	wait $first
	kill $watching
	wait $watching 2>/dev/null
	note "$1: socket $(cat "$dir/$1.local")"
	note "$1: TLS $(cat "$dir/$1.tls")"
	note "$1: KiB and descriptors at most $(cat "$dir/$1.most")"
}

# answered NAME: none of the others was left out, or waited long.  The limits are for a machine with other things to
# do: less than the 10 s for which a stranger may hold a connection, and on the socket, whose backlog of 4096 is
# served in turn whoever fills it, as long as that takes.
answered()
{
	local who limit
	while read -r who limit; do
		is "$1: on the $who side all are answered" "$(pick "$dir/$1.$who" 'v["failed"]')" 0 || note "$(cat "$dir/$1.$who.err")"
		ok "$1: ... and in time" test "$(pick "$dir/$1.$who" 'int(v["max_ms"])')" -lt "$limit"
	done <<-T
		tls   8000
		local 20000
	T
}

# storm NAME: all at once, as local user and from many addresses, while others ask.
storm()
{
	attack --unix $socket --uid 65534 --seconds 8 slow oversized nested truncated garbage many deaf >"$dir/$1.nobody" &
	local first=$!
	attack --tcp 127.0.0.1:$port --from 127.0.1.1/20 --each 40 --seconds 8 \
		slow oversized nested truncated garbage many deaf stall >"$dir/$1.strangers" &
	local second=$!
	attack --tcp 127.0.0.1:$port --from 127.0.2.1 --cert "$dir/pki/operator.pem" --key "$dir/pki/operator.key" --seconds 8 --each 6 \
		slow oversized nested truncated garbage deaf >"$dir/$1.operator" &
	sleep 1
	others "$1" 6
	wait $first $second $!
	note "$1: nobody $(cat "$dir/$1.nobody")"
	note "$1: strangers $(cat "$dir/$1.strangers")"
	note "$1: operator $(cat "$dir/$1.operator")"
}

calm()
{
	[ "$(fds)" -le $((fds_before + 4)) ]
}

small()
{
	[ "$(rss)" -le $((rss_before + 8 * 1024)) ]
}
others control 3
answered control
rss_before=$(rss) fds_before=$(fds)

storm first
answered first
read -r rss_most fds_most <"$dir/first.most"
# Two listeners of 512 and a few; a connection holds 32 KiB of libmicrohttpd's, its TLS, and a body of at most 64 KiB.
ok "descriptors are bounded ($fds_before, at most $fds_most)" test "$fds_most" -le $((fds_before + 2 * 520))
memory "memory is bounded ($rss_before KiB, at most $rss_most)" test "$rss_most" -le $((rss_before + 96 * 1024))
ok "it lets go of all connections" wait_for 60 calm || note "$(fds)"
memory "and of the memory" wait_for 60 small

storm second
answered second
ok "it lets go of them again" wait_for 60 calm || note "$(fds)"
memory "and of the memory ($rss_before KiB, now $(rss))" wait_for 60 small

others recovered 3
answered recovered
ok "the agent is the same" kill -0 $agent
ok "... and has nothing to say of it" not grep -iE 'assert|abort|sanitizer' "$dir/A/log"
finish
