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

# pressed NAME SECONDS: what others are told, and what the agent held meanwhile, in NAME.most.
pressed()
{
	watch "$dir/$1.most" &
	local watching=$!
	others "$dir/$1" "$2"
	kill $watching
	wait $watching 2>/dev/null
	note "$1: KiB and descriptors at most $(cat "$dir/$1.most")"
}

# storm NAME: all at once, as local user and from many addresses, while others ask.
storm()
{
	attack --unix $socket --uid 65534 --seconds 8 "${unkind[@]}" knock >"$dir/$1.nobody" &
	local first=$!
	attack --tcp 127.0.0.1:$port --from 127.0.1.1/20 --each 40 --seconds 8 \
		"${unkind[@]}" stall >"$dir/$1.strangers" &
	local second=$!
	attack --tcp 127.0.0.1:$port --from 127.0.2.1 --cert "$dir/pki/operator.pem" --key "$dir/pki/operator.key" --seconds 8 --each 6 \
		slow oversized nested truncated garbage deaf >"$dir/$1.operator" &
	local third=$!
	sleep 1
	pressed "$1" 6
	wait $first $second $third
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
pressed control 3
answered "$dir/control"
rss_before=$(rss) fds_before=$(fds)

storm first
answered "$dir/first"
read -r rss_most fds_most <"$dir/first.most"
# Two listeners of 512, two more for each peer, and a few; a connection holds 32 KiB of libmicrohttpd's, its TLS, and a body of at most 64 KiB.
ok "descriptors are bounded ($fds_before, at most $fds_most)" test "$fds_most" -le $((fds_before + 2 * 520))
memory "memory is bounded ($rss_before KiB, at most $rss_most)" test "$rss_most" -le $((rss_before + 96 * 1024))
ok "it lets go of all connections" wait_for 60 calm || note "$(fds)"
memory "and of the memory" wait_for 60 small

storm second
answered "$dir/second"
ok "it lets go of them again" wait_for 60 calm || note "$(fds)"
memory "and of the memory ($rss_before KiB, now $(rss))" wait_for 60 small

pressed recovered 3
answered "$dir/recovered"
ok "the agent is the same" kill -0 $agent
ok "... and has nothing to say of it" not grep -iE 'assert|abort|sanitizer' "$dir/A/log"
finish
