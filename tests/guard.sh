#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Migrations that others drive, past the agents: libvirt's hook on the destination
# lets them in or refuses them, and stands in nobody's way otherwise.
. "$srcdir/tests/rig/rig.sh"
requires_rig

busy='max-residual = "1 s" max-blackout = "10 s" verify-until = "1 s"'	# the machine may be; and nobody looks at the guest's clock later
patient='guard { deadline = "30 s" }'	# so that it is the agent which answers
requires_command curl

# settle HOST LINES...: other settings, taken over.
settle()
{
	local host=$1
	shift
	rig_agent_conf "$host" "$@"
	rig_agent "$host" reload
}

hook()
{
	rig_clockferry "$1" hook "${@:2}"
}

# tries SENTENCE [OPTIONS...]: virsh's exit status and words in $answer, how long it took in $took (ms).
tries()
{
	local begin=${EPOCHREALTIME/./}
	answer=$(rig_migrate A B g "$@" 2>&1)
	local r=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	return $r
}

# Direct: virsh itself has both connections.
tries_direct()
{
	local begin=${EPOCHREALTIME/./}
	answer=$(rig_virsh A migrate --live --persistent --undefinesource g qemu+tcp://hB/system tcp://10.99.0.2 2>&1)
	local r=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	return $r
}

# heard_from HOST: how many lines the outside tick stream has from there.
heard_from()
{
	grep -cE "^[0-9]+ [0-9]+ $1 " "$RIG_DIR/tick-g.log"
}

runs_on()
{
	[ "$(rig_virsh "$1" domstate g 2>/dev/null)" = running ]
}

# nothing_open: what others moved has been measured, on both hosts; until then the guest has its migration.
nothing_open()
{
	local host
	for host in A B; do
		[ "$(rig_clockferry $host list --state open --json | pick 'len(v["list"])')" = 0 ] ||
			return
	done
}
home_again()
{
	runs_on A || rig_migrate B A g
}

rig_up
rig_agents "policy \"default\" { $busy }"
rig_define A g mem=128 >/dev/null
ok "the guest starts" rig_start A g
wait_for 20 eval '[ "$(rig_clockferry B peers --json | pick "v[\"list\"][0][\"gate_open\"]")" = True ]'

# --- putting it there ---

like "without the hook doctor says so" "$(hook B status)" 'hook.*not installed|not installed'
ok "without it a bad migration comes in" eval 'settle B "policy default { max-error-bound = \"1 us\" $busy }" && tries'
home_again
settle B
rig_in B sh -c 'mkdir -p /etc/libvirt/hooks/qemu.d; ln -s "$1" /etc/libvirt/hooks/qemu.d/50-clockferry' sh "$builddir/clockferry-hook"
like "a link that libvirtd has not looked at is told" "$(hook B status)" 'not loaded yet: restart or reload libvirtd'
is "... and is not well" "$(hook B status >/dev/null; echo $?)" 1
like "it is installed by one command" "$(hook B install --program "$builddir/clockferry-hook")" 'loaded by +libvirtd'
like "and then is well" "$(hook B status)" 'installed, mode enforce'
is "... as doctor sees it" "$(rig_clockferry B doctor --json | python3 -c 'import json,sys
print([v["state"] for v in json.load(sys.stdin)["list"] if v["code"] == "hook"])')" "['ok']"
ok "twice is once" hook B install --program "$builddir/clockferry-hook"
is "a program that is not there is not installed" "$(hook B install --program /nowhere >/dev/null 2>&1; echo $?)" 1
like "... and the one before it stays" "$(rig_in B readlink /etc/libvirt/hooks/qemu.d/50-clockferry)" 'clockferry-hook$'

# --- enforce ---

ok "between good clocks it comes in" tries
came=$took
ok "... and back" home_again
settle B 'policy "default" { max-error-bound = "1 us" }' "$patient"
rig_virsh A qemu-monitor-event --loop --domain g >"$RIG_DIR/events" &
watcher=$!
cleanup 'kill $watcher 2>/dev/null'
heard=$(heard_from B)
quickest=$came
for way in tries tries_direct "tries --tunnelled" "tries --suspend" "tries --postcopy"; do
	ok "with a bad clock there it is refused: $way" not $way
	like "... and whoever asked reads why" "$answer" "clockferry: hB: the host's clock may be further from UTC than policy allows: .*limit 1 us \(hB\)"
	note "$way: refused after $took ms, as virsh takes it"
	[ "$took" -ge "$quickest" ] || quickest=$took
done
ok "it is refused sooner than it could have come in, which took $came ms" [ "$quickest" -lt "$came" ]
is "... and ran there at no time, by the outside tick stream" "$(heard_from B)" "$heard"
note "$answer"
rig_virsh A dumpxml g >"$RIG_DIR/B/run/g.xml"
note "the hook alone, ten times: $( { TIMEFORMAT=%Rs; time for i in {1..10}; do
	rig_in B sh -c '"$1" g migrate begin - </run/g.xml' sh "$builddir/clockferry-hook" 2>/dev/null; done; } 2>&1)"
runs_on A
result $? "the guest runs on where it was"
sleep 1
kill $watcher
wait $watcher 2>/dev/null
is "and never stood still" "$(grep -cE 'STOP|RESUME' "$RIG_DIR/events")" 0
is "there is nothing of it at the destination" "$(rig_virsh B list --all --name | tr -d '\n')" ""
like "the agent there has said so" "$(cat "$RIG_DIR/B/log/clockferryd")" "migration of g to this host was refused: hB: "
is "nor by the outside tick stream" "$(rig_judge g | python3 -c 'import json,sys; print(json.load(sys.stdin)["pauses"])')" "[]"

refused=$(grep -c 'another manager.*refused' "$RIG_DIR/B/log/clockferryd")

# --- our own ---

settle B "policy \"default\" { max-error-bound = \"1 us\" refuse = { } warn = { \"error-bound\" } $busy }"
ok "what policy only warns of is no refusal" tries
home_again
settle B "policy \"default\" { $busy }"
ok "what others moved has been measured" wait_for 60 nothing_open
ok "our own migration passes" rig_clockferry A migrate g hB
home_again
settle B "policy \"default\" { max-error-bound = \"1 us\" $busy }"
ok "... and again" wait_for 60 nothing_open
ok "... by its lease, whatever the clock is: an administrator has overridden that" \
	rig_clockferry A migrate --override error-bound --reason "a test" g hB
is "... and is not refused" "$(grep -c 'another manager.*refused' "$RIG_DIR/B/log/clockferryd")" "$refused"
settle B
ok "it is brought back by itself" home_again
# --- observe, off, and without an agent ---

settle B 'policy "default" { max-error-bound = "1 us" }' "guard { mode = observe }" "$patient"
ok "observe lets it in" tries
like "... and says why it should not have" "$(cat "$RIG_DIR/B/log/clockferryd")" "migration of g to this host would be refused: hB: "
home_again
settle B 'policy "default" { max-error-bound = "1 us" }' 'guard { mode = off }'
lines=$(wc -l <"$RIG_DIR/B/log/clockferryd")
ok "off lets it in" tries
is "... without a word" "$(tail -n +$((lines + 1)) "$RIG_DIR/B/log/clockferryd" | grep -c 'another manager')" 0
home_again
settle B 'guard { without-agent = closed }'
rig_agent B stop
ok "without an agent, closed: it is refused" not tries
like "... with the reason" "$answer" 'clockferry: the agent cannot be asked'
note "refused after $took ms"
rig_agent B start
settle B 'guard { without-agent = open }'
rig_agent B stop
ok "without an agent, open: it comes in" tries
home_again
settle_frozen()
{
	rig_agent B start && settle B "guard { without-agent = $1 deadline = \"500 ms\" }" &&
		wait_for 10 grep -qx "without-agent $1" "$RIG_DIR/B/lib/clockferry/hook" && rig_agent B freeze
}
settle_frozen closed
ok "with one that hangs, closed: it is refused" not tries
like "... when the deadline is over" "$answer" 'clockferry: the agent does not answer'
rig_agent B thaw
settle B 'guard { without-agent = closed deadline = "500 ms" }'

# --- nothing else is affected ---

rig_agent B stop
ok "a guest starts there without an agent" eval 'rig_define B h mem=64 tick=0 noagent >/dev/null && rig_virsh B start h'
ok "libvirtd is restarted there" rig_libvirtd B restart
is "... and reconnects to the guest that runs" "$(rig_virsh B domstate h)" running
ok "it is saved" rig_virsh B save h /var/lib/h.saved
ok "... and restored" rig_virsh B restore /var/lib/h.saved
ok "... and stopped" rig_virsh B destroy h
rig_agent B start
like "a libvirtd that was started after it has loaded it" "$(hook B status)" 'installed, mode enforce'
ok "the hook is removed" hook B remove
like "... and gone" "$(hook B status)" 'not installed'
like "twice is no error" "$(hook B remove)" 'not installed'
is "--host is not for it" "$(rig_clockferry A --host hB hook remove >/dev/null 2>&1; echo $?)" 2
finish
