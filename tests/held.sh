# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# An agent that is pressed by clients which mean no good: what it holds, memory of its own and descriptors, and
# whether others are answered.  $agent is its process; how others ask it is the test's:
#
#	polite_local SECONDS, polite_tls SECONDS	as attack.py's polite, on its socket and by TLS

rss()
{
	awk '/^RssAnon:/ { print $2 }' "/proc/$agent/status"
}
fds()
{
	find "/proc/$agent/fd" -mindepth 1 2>/dev/null | wc -l
}

# starved: for how long it has waited for a processor, in ms.
starved()
{
	awk '{ print int($2 / 1000000) }' "/proc/$agent/schedstat"
}

# watch FILE: the most memory (KiB) and descriptors there were, until it is killed.
watch()
{
	local most=0 open=0 now
	while sleep 0.1; do
		now=$(rss) && [ "$now" -gt $most ] && most=$now
		now=$(fds) && [ "$now" -gt $open ] && open=$now
		echo "$most $open" >"$1.now"
		mv "$1.now" "$1"
	done
}

# memory SENTENCE COMMAND...: as ok, where it is the agent's own and not a sanitizer's.
memory()
{
	if grep -q libasan "/proc/$agent/maps"; then
		ok "$1 # SKIP a sanitizer has its own" true
	else
		ok "$@" || note "$(rss) KiB"
	fi
}

# What a stranger can do, for attack.py.
# shellcheck disable=SC2034
unkind=(slow oversized nested truncated garbage many deaf)

# others FILE SECONDS: both ask, and what is said of that is in FILE.local and FILE.tls.
others()
{
	local starved_before first
	starved_before=$(starved)
	polite_local "$2" >"$1.local" 2>"$1.local.err" &
	first=$!
	polite_tls "$2" >"$1.tls" 2>"$1.tls.err"
	wait $first
	echo $(($(starved) - starved_before)) >"$1.starved"
}

# answered FILE: none of the others was left out, or waited long: less than the 10 s for which a stranger may hold
# a connection, and on the socket, whose backlog of 4096 is served in turn whoever fills it, as long as that takes;
# and not counting for how long the agent itself waited for a processor.
answered()
{
	local name=${1##*/} who limit starved
	starved=$(cat "$1.starved")
	note "$name: $starved ms without a processor"
	while read -r who limit; do
		note "$name: $who $(cat "$1.$who")"
		is "$name: on the $who side all are answered" "$(pick 'v["failed"]' <"$1.$who")" 0 || note "$(cat "$1.$who.err")"
		ok "$name: ... and in time" test "$(pick 'int(v["max_ms"])' <"$1.$who")" -lt $((limit + starved))
	done <<-T
		tls   8000
		local 20000
	T
}
