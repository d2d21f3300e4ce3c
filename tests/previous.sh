#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Agents of this version and of the one before it (tests/previous-build.sh), as peers of each other, each asked with
# either command.
. "$srcdir/tests/previous-build.sh" || exit 1
if [ -z "$AGENTS_INSIDE" ]; then
	. "$srcdir/tests/tap.sh" || exit 1
	requires_previous
fi
. "$srcdir/tests/agents.sh" && agents_begin "$0"

ok "$PREVIOUS is built" build_previous || exit 1
note "this version: $("$builddir/clockferry" --version); the one before: $("$before/clockferry" --version), $commit"

# Each has the ledger's path in its settings, if it knows of one.
conf()
{
	local host=$1 port=$2 build=$3 peer=$4 peer_port=$5
	local peers="peer $peer { address = \"127.0.0.1\" port = $peer_port }" probe='probe { interval = "1 s" }'
	agent_conf "$host" "$port" "$peers" "$probe" "ledger { path = \"$dir/$host/ledger\" }"
	"$build/clockferryd" --check-config --config "$dir/$host/conf" >/dev/null 2>&1 || agent_conf "$host" "$port" "$peers" "$probe"
}
conf A 9451 "$builddir" hB 9452
conf B 9452 "$before" hA 9451
ok "this version's agent is there" agent_start A
ok "and the previous one's" agent_start B "$before"

sees()
{
	[ "$(inside "$1" "${agent_build[$1]}/clockferry" peers --json | pick '[p["reachable"] for p in v["list"]]')" = "[True]" ]
}
ok "this one measures the other" wait_for 30 sees A
ok "the other measures this one" wait_for 30 sees B

# There is no chronyd: the check refuses for the clocks' sake, which takes a reservation that was understood.
codes()
{
	inside "$1" "$2/clockferry" check test "$3" --json | tee "$dir/out" | pick '" ".join(sorted({f["code"] for c in v["list"] for f in c["findings"]}))'
}
for program in "$builddir" "$before"; do
	name=$([ "$program" = "$before" ] && echo previous || echo present)
	for host in A B; do
		other=$([ $host = A ] && echo hB || echo hA)
		agent=$([ $host = A ] && echo "the present agent" || echo "the previous agent")
		for question in version clock peers domains list status; do
			inside $host "$program/clockferry" "$question" >"$dir/out" 2>"$dir/err"
			status=$?
			ok "the $name command asks $agent: $question" test $status -lt 2 -o $question = status || note "$(cat "$dir/err")"
		done
		found=$(codes $host "$program" "$other")
		like "the $name command asks $agent for a check" "$found" clock-unsynchronised
		ok "... which the other agent understands" not grep -qE 'peer-|clock-or-' <<<"$found" || note "$(grep -A9 peer- "$dir/out")"
		inside $host "$program/clockferry" migrate test "$other" --json >"$dir/out" 2>"$dir/err"
		is "... and for a migration, refused as it should be" $? 3 || note "$(cat "$dir/out" "$dir/err")"
	done
done

ok "neither agent has ended" kill -0 "${agent_pid[A]}" "${agent_pid[B]}"
finish
