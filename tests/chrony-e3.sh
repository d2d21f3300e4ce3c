#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every state that a chronyd was measured in, produced with a real chronyd and
# told by our own reporter: above all those in which chronyd's own arithmetic says
# microseconds of a clock that follows nothing.  Then chronyds that are stopped,
# hang or restart, and a clock that is stepped.
#
# No chronyd touches the machine's clock (-x), and everything happens in mount,
# network and process namespaces of its own that end with the test.

. "${srcdir:=.}/tests/tap.sh"

requires_root
requires_command chronyd chronyc unshare ip jq
if [ "$1" != inside ]; then
	export srcdir builddir
	unshare -m -n -p --fork --kill-child --mount-proc "$BASH" "$0" inside &
	cleanup "kill -KILL $! 2>/dev/null; wait $! 2>/dev/null"
	wait $!
	exit
fi

ip link set lo up
mount -t tmpfs tmpfs /run
mkdir /run/chrony /run/reference
chown _chrony:_chrony /run/chrony
chmod 0750 /run/chrony

# reference CONF-LINE...: the server.  It has no command socket to be mistaken for the client's.
reference()
{
	printf '%s\n' "allow" "bindaddress 127.0.0.1" "cmdport 0" "bindcmdaddress /" \
		"pidfile /run/reference/pid" "$@" >/run/reference/conf
	chronyd -x -u root -f /run/reference/conf
}

# client CONF-LINE...: the chronyd that is asked.
client()
{
	printf '%s\n' "port 0" "pidfile /run/chrony/pid" "$@" >/run/client.conf
	"${client_env[@]}" chronyd -x -u _chrony -f /run/client.conf
}
client_env=(env)

follow="server 127.0.0.1 iburst minpoll -3 maxpoll -3"

pid_of()
{
	cat "/run/$1/pid" 2>/dev/null
}

# end reference|chrony: stop it, if it runs.
end()
{
	local pid
	pid=$(pid_of "$1") || return 0
	kill -CONT "$pid"
	kill "$pid"
	wait_for 10 not test -e "/run/$1/pid"
}

# listen [HOLDOVER_MS [WAY]]: a new reporter, which remembers nothing; its reports go to /run/says.
listen()
{
	: >/run/says
	here=1
	"${says_env[@]}" "$builddir/tests/clock-says" "${2:-/run/chrony/chronyd.sock}" 100 2000 "${1:-600000}" >/run/says &
	says_pid=$!
	wait_for 10 test -s /run/says
}
says_env=(env)

hush()
{
	kill "$says_pid" || result 1 "the reporter still runs"
	wait "$says_pid" 2>/dev/null
}

all_quiet()
{
	hush
	end chrony
	end reference
}

# now FILTER: what the latest report says; it holds FILTER when jq says true.
now()
{
	tail -n 1 /run/says | jq -c "$1"
}

now_is()
{
	[ "$(now "$1")" = true ]
}

# until_is SENTENCE FILTER: an assertion with patience.
until_is()
{
	wait_for 30 now_is "$2"
	result $? "$1" || { note "not: $2"; note "$(now .)"; return 1; }
}

# from_here marks where we are among the reports; heard COUNT: so many more have come since.
from_here()
{
	here=$(($(wc -l </run/says) + 1))
}

heard()
{
	[ "$(wc -l </run/says)" -gt $((here + $1)) ]
}

# always_since SENTENCE FILTER: every report since then.
always_since()
{
	local bad
	wait_for 10 heard 2 || { result 1 "$1"; return; }
	bad=$(tail -n +"$here" /run/says | sed '$d' | jq -c "select(($2) | not)" | head -n 3)
	[ -z "$bad" ]
	result $? "$1" || { note "not: $2"; note "$bad"; return 1; }
}

# seen_since FILTER: some report since then.
seen_since()
{
	[ -n "$(tail -n +"$here" /run/says | sed '$d' | jq -c "select($1)" | head -n 1)" ]
}

# first_since FILTER, CLAIM: the first report since then for which FILTER holds; is it as CLAIM says?
first_since()
{
	[ "$(tail -n +"$here" /run/says | sed '$d' | jq -c "select($1) | $2" | head -n 1)" = true ]
}

# The bound never falls from one report to the next.
grows_since()
{
	local falls
	wait_for 10 heard 5 || { result 1 "$1"; return; }
	falls=$(tail -n +"$here" /run/says | sed '$d' | jq -s '[.[].bound_ns] | [.[:-1], .[1:]] | transpose | map(select(.[1] <= .[0])) | length')
	[ "$falls" = 0 ]
	result $? "$1" || { note "falls $falls times"; return 1; }
}

# What chrony's formula makes of the latest tracking.
formula='(.tracking | (.correction_ns | fabs) + .root_dispersion_ns + .root_delay_ns / 2)'

synced()
{
	until_is "$1" '.state == "synchronised" and .why == "" and .tracking.refid == "7F000001" and .tracking.stratum == 2
		and .tracking.leap == "normal" and .tracking.selected and .tracking.reachability > 0 and .via == "socket"'
}

## the rows

# chronyd's patience is 60 s in the table; here its clock error is assumed 200 times larger, and so everything is sooner.
reference "local stratum 1"
client "$follow" "maxclockerror 10000" "local stratum 8 distance 0.05"
listen
synced "synced: synchronised"
until_is "with a bound that is chronyd's plus our own growth" ".bound_ns >= $formula and .bound_ns < $formula + 20000000 and .growth_ppm > 1"
ok "and our end of chronyd's socket is removed" wait_for 10 not compgen -G '/run/chrony/clockferry.*'

from_here
kill -KILL "$(pid_of reference)"
rm -f /run/reference/pid
alone='.state == "holdover" and .tracking.refid == "7F000001"'	# and not for long: soon `local` takes over
ok "server killed: holdover, though chronyd still says stratum 2 and leap normal" wait_for 30 seen_since \
	"$alone and .tracking.stratum == 2 and .tracking.leap == \"normal\""
ok "and says why" first_since "$alone" '.why | test("selected no source|last eight polls|no update")'
from_here
until_is "\`local\` takes over: chronyd's formula says microseconds" \
	".tracking.refid == \"7F7F0101\" and .tracking.stratum == 8 and .tracking.leap == \"normal\" and $formula < 100000"
until_is "but we say holdover" '.state == "holdover" and (.why | contains("own clock"))'
ok "with a bound that is not chronyd's" now_is ".bound_ns > $formula and .growth_ppm >= 50"
always_since "and never said otherwise" '.state == "holdover"'
grows_since "nor let the bound fall"
all_quiet

reference "local stratum 10"
client "$follow"
listen
until_is "client of a stratum-10 \`local\` server: unsynchronised" \
	'.state == "unsynchronised" and .tracking.stratum == 11 and .tracking.leap == "normal" and .tracking.selected'
like "for its stratum" "$(now .why)" 'stratum.*11, at most 9'
until_is "without a bound, though the formula has one" ".bound_ns == null and $formula < 500000000"
always_since "and never said otherwise" '.state == "unsynchronised" and .bound_ns == null'
all_quiet

client "$follow"
listen
until_is "never synced: unsynchronised" '.state == "unsynchronised" and .tracking.leap == "not-synchronised" and .tracking.refid == "00000000"'
ok "without a bound, an update or a selected source" \
	now_is '.bound_ns == null and .tracking.reference_time == null and .tracking.selected == false'
all_quiet

client "$follow" "local stratum 8"
listen
until_is "never synced, and \`local\`: unsynchronised" '.state == "unsynchronised" and .tracking.refid == "7F7F0101" and .tracking.leap == "normal"'
ok "without a bound, though the formula says microseconds" now_is ".bound_ns == null and $formula < 100000"
all_quiet

## other ways to chronyd

reference "local stratum 1"
client "$follow"
for way in ipv4 ipv6; do
	listen 600000 $way
	until_is "asked over $way: synchronised" ".state == \"synchronised\" and .via == \"$way\""
	hush
done
end chrony
end reference

## chronyds that are not there

listen
until_is "no chronyd at all: unsynchronised" '.state == "unsynchronised" and .tracking == null and (.why | contains("No such file"))'
reference "local stratum 1"
client "$follow"
synced "one that comes later is found"

end chrony
until_is "stopped: holdover" '.state == "holdover" and (.why | contains("does not answer"))'
from_here
end reference
client "$follow"
until_is "restarted without its server: holdover still" '.state == "holdover" and .tracking.leap == "not-synchronised"'
grows_since "and the bound grew all the time"
reference "local stratum 1"
synced "with its server: synchronised"

from_here
kill -STOP "$(pid_of chrony)"
until_is "hung: holdover" '.state == "holdover" and .reading_age_ns > 3500000000 and (.why | contains("timed out"))'
# One reading takes 3 s to give up, and a report that waited for it would tell.
always_since "and no report was held up" '.waited_ns < 2500000000'
from_here
until_is "nor does time stand still" '.reading_age_ns > 5000000000'
grows_since "for the bound"
kill -CONT "$(pid_of chrony)"
synced "awake again: synchronised"
hush

listen 3000
synced "with a short memory too"
kill -STOP "$(pid_of chrony)"
until_is "holdover ends" '.state == "unsynchronised" and (.why | contains("does not answer")) and .good_age_ns > 3000000000'
ok "what is known of the clock does not" now_is '.bound_ns > 0 and .growth_ppm >= 50'
all_quiet

## a clock that is stepped

faketime=$(compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1')
if [ -z "$faketime" ]; then
	skip "a stepped clock" "needs libfaketime"
	finish
fi
# Reporter and chronyd look at one clock, which is not the reference's.
step()
{
	echo "$1" >/run/faketime
}
faked=(env LD_PRELOAD="$faketime" FAKETIME_TIMESTAMP_FILE=/run/faketime FAKETIME_NO_CACHE=1
	FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1
	ASAN_OPTIONS=verify_asan_link_order=0)

step +0
says_env=("${faked[@]}") client_env=("${faked[@]}")
reference "local stratum 1"
client "server 127.0.0.1 iburst minpoll 0 maxpoll 0"	# a second in which a reporter that is late yet sees the step before chronyd does
listen
synced "a clock of our own making: synchronised"
from_here
step +2
ok "stepped by 2 s: unsynchronised at once" wait_for 30 seen_since \
	'.stepped and .state == "unsynchronised" and .bound_ns == null and (.why | contains("stepped"))'
until_is "when chronyd has measured it, it is remembered, and the bound has it" \
	'.stepped and .state == "synchronised" and .bound_ns > 1990000000'
step +0
until_is "stepped back: known and forgotten" '.state == "synchronised" and (.stepped | not) and .bound_ns < 500000000'
all_quiet

# A step too small to be told from a slew.
client_env=(env)
reference "local stratum 1"
client "$follow"
listen
synced "a clock that chronyd does not see: synchronised at first"
until_is "and known to a millisecond" '.bound_ns < 1000000'
from_here
step +0.006
# Between two looks that happen to be close it is too fast for a slew; else chronyd is contradicted.
ok "moved by 6 ms of which chronyd knows nothing: stepped or untrusted" wait_for 30 seen_since \
	'.bound_ns == null and (.state == "untrusted" or .stepped and .state == "unsynchronised")'
all_quiet

finish
