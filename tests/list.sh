#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The list of migrations as a real agent tells it: which of them, and page by page.
. "$srcdir/tests/tap.sh" || exit 1

if [ -z "$LIST_INSIDE" ]; then
	requires_command curl python3
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	unshare -mn --propagation private true 2>/dev/null || skip_all "needs namespaces"
	exec env LIST_INSIDE=1 srcdir="$srcdir" builddir="$builddir" unshare -mn --propagation private bash "$0"
fi

socket=/run/clockferry/api.sock
dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
mount -t tmpfs none /run
mkdir /run/clockferry
cat >"$dir/conf" <<-C
	host = hA
	chrony { via = socket socket = "$dir/no-chronyd" }
	libvirt { uri = "test:///default" }
	ledger { path = "$dir/ledger" }
C

start_agent()
{
	"$builddir/clockferryd" --config "$dir/conf" </dev/null >>"$dir/log" 2>&1 &
	agent=$!
	wait_for 20 "$builddir/clockferry" version
}
stop_agent()
{
	kill "$agent" 2>/dev/null
	wait "$agent" 2>/dev/null
}
cleanup stop_agent
ok "an agent" start_agent || exit 1

# get QUERY: status of the answer, which is in $dir/answer.
get()
{
	curl -s -m 20 --unix-socket $socket -o "$dir/answer" -w '%{http_code}' "http://localhost/v1/migrations$1"
}

# listed QUERY: the destinations of those that are told, in order.
listed()
{
	get "$1" >/dev/null
	python3 -c 'import json, sys
print(*[m["destination"] for m in json.load(sys.stdin)["list"]])' <"$dir/answer"
}

next_page()
{
	python3 -c 'import json, sys; print(json.load(sys.stdin).get("next", "none"))' <"$dir/answer"
}

# Its clock is none that anybody could trust: whatever is asked for is refused, which is an end.
for n in 1 2 3 4 5; do
	label=()
	[ $n = 3 ] || label=(--label "turn=$((n % 2))")
	"$builddir/clockferry" migrate test "h$n" "${label[@]}" >/dev/null
	is "a migration that is refused" $? 3
done
"$builddir/clockferry" migrate other h6 >/dev/null
is "and one of another domain" $? 3

for again in "" ", after a restart"; do
	is "all of them, the newest first$again" "$(listed '')" "h6 h5 h4 h3 h2 h1"
	is "those that are refused$again" "$(listed '?state=refused')" "h6 h5 h4 h3 h2 h1"
	is "those that have ended$again" "$(listed '?state=ended&domain=test')" "h5 h4 h3 h2 h1"
	is "those that have not$again" "$(listed '?state=open')" ""
	is "those that ended well$again" "$(listed '?state=clean')" ""
	is "those of a domain$again" "$(listed '?domain=other')" "h6"
	is "those with a label$again" "$(listed '?label=turn%3D1')" "h5 h1"
	is "... of which part is none$again" "$(listed '?label=turn')" ""
	is "all that is said has to hold$again" "$(listed '?label=turn%3D1&domain=other')" ""
	is "a page$again" "$(listed '?limit=4&domain=test')" "h5 h4 h3 h2"
	is "... and what follows$again" "$(listed "?limit=4&domain=test&cursor=$(next_page)")" "h1"
	is "... is the end$again" "$(next_page)" "none"
	stop_agent
	start_agent
done
is "no such state" "$(get '?state=nonsense')" 400
is "no such cursor" "$(get '?cursor=x')" 400
is "nor that" "$(get '?cursor=-1')" 400
is "no such question" "$(get '?colour=red')" 400

ferry()
{
	"$builddir/clockferry" list "$@" | awk 'NR > 1 && $4 ~ /^h[0-9]$/ { printf "%s%s", sep, $4; sep = " " }'
}
is "the command asks for them" "$(ferry --domain test --label turn=0)" "h4 h2"
is "... as far as it was told to" "$(ferry --limit 3)" "h6 h5 h4"
like "... and says that there are more" "$("$builddir/clockferry" list --limit 3)" '^and older ones'
not_more()
{
	"$builddir/clockferry" list --limit 6 | grep -q 'older ones'
}
ok "... but not at the end" not not_more

finish
