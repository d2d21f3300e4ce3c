# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What an agent holds: memory of its own, and descriptors.  $agent is its process.

rss()
{
	awk '/^RssAnon:/ { print $2 }' "/proc/$agent/status"
}
fds()
{
	find "/proc/$agent/fd" -mindepth 1 2>/dev/null | wc -l
}

# watch FILE: the most memory (KiB) and descriptors there were, until it is killed.
watch()
{
	local most=0 open=0 now
	while sleep 0.1; do
		now=$(rss) && [ "$now" -gt $most ] && most=$now
		now=$(fds) && [ "$now" -gt $open ] && open=$now
		echo "$most $open" >"$1"
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
