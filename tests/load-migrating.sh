#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Clients that mean no good, while a guest is on its way: both agents do their part, others are answered,
# what an agent holds is bounded, and the migration comes out as one that nobody disturbed.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/held.sh"
requires_rig
requires_command curl

settings=$(rig_policy '10 s')
socket=/run/clockferry/api.sock
pki=$RIG_CACHE/pki

attack()
{
	local host=$1
	shift
	rig_in "$host" python3 "$srcdir/tests/attack.py" "$@"
}

polite_local()
{
	attack A --unix $socket --seconds "$1" --path /v1/version polite
}
polite_tls()
{
	attack R --tcp "$(rig_address A):9437" --cert "$pki/hB.pem" --key "$pki/hB.key" --seconds "$1" polite
}

# storm SECONDS: against the source's agent by one of its users and by strangers, against the destination's by strangers.
storm()
{
	attack A --unix $socket --uid 65534 --seconds "$1" "${unkind[@]}" >"$RIG_DIR/nobody" &
	for host in A B; do
		attack R --tcp "$(rig_address $host):9437" --from 10.99.0.100/20 --each 20 --seconds "$1" "${unkind[@]}" stall >"$RIG_DIR/strangers-$host" &
	done
	wait
}

# moves NAME [COMMAND]: g from hA to hB; with COMMAND going on from when it is copied, which ends five seconds later.
moves()
{
	local going_on=
	rig_tbf A 40mbit
	begin "$1" A migrate g hB
	id=$(its_id "$1")
	ok "$1: it is copied" wait_for 30 copies A "$id" || note "$(cat "$RIG_DIR/$1")"
	if [ $# -gt 1 ]; then
		"${@:2}" &
		beside=$!
	fi
	others "$RIG_DIR/$1" 8 &
	local asking=$!
	sleep 5
	ok "$1: ... still" wait_for 20 in_phase A "$id" 'copying|armed'
	rig_tbf A off
	wait "$job"
	is "$1: it moves" $? 0 || note "$(cat "$RIG_DIR/$1")"
	wait $asking
	ok "$1: both hosts have the same receipt" both_have "$id"
	is "$1: ... a clean one" "$(receipt 'v["migration"]["outcome"]')" clean
	is "$1: ... in which nothing is missing" "$(receipt 'v["unmeasured"]')" "[]"
	answered "$RIG_DIR/$1"
	[ -z "$beside" ] || wait "$beside"
}

rig_up
for i in $(seq 100 119); do
	rig_in R ip addr add 10.99.0.$i/24 dev br0
done
rig_agents "$settings"
agent=$(pgrep -x clockferryd --ns "$(rig_pid A)" --nslist pid)
ok "a guest" rig_define A g mem=160 dirty=32 rate=20
ok "starts" rig_start A g

moves control
ok "it goes back" rig_clockferry B migrate g hA

rss_before=$(rss)
watch "$RIG_DIR/most" &
watching=$!
moves attacked storm 14
kill $watching
wait $watching 2>/dev/null
read -r most fds_most <"$RIG_DIR/most"
for who in nobody strangers-A strangers-B; do
	note "$who $(cat "$RIG_DIR/$who")"
	ok "$who did what they could" test -s "$RIG_DIR/$who"
done
# As in tests/load.sh, and what a migration needs.
ok "descriptors are bounded ($fds_most)" test "$fds_most" -le 1200
memory "memory is bounded ($rss_before KiB, at most $most)" test "$most" -le $((rss_before + 100 * 1024))
small()
{
	[ "$(rss)" -le $((rss_before + 12 * 1024)) ]
}
memory "and let go of" wait_for 60 small
is "there were never two copies" "$(rig_judge g | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
finish
