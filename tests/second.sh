#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A host has one agent: another one, as somebody may run it by hand beside the service, ends before it has opened
# anything of the first one's; what only looks does not.
. "$srcdir/tests/agents.sh"
agents_begin "$0"

agent_conf A 9443 "ledger { path = \"$dir/A/ledger\" }"
agent_conf B 9444 "ledger { path = \"$dir/B/ledger\" }"
ok "an agent" agent_start A || exit 1

# second HOST [OPTION...]: another one, where that of hA is, with the settings of that host.
second()
{
	local host=$1
	shift
	timeout 30 nsenter -t "${agent_pid[A]}" -m "$builddir/clockferryd" --config "$dir/$host/conf" "$@"
}

second B >"$dir/B.out" 2>&1 &
out=$(second A 2>&1)
is "a second one ends" $? 1
like "and says why" "$out" "/run/clockferry/lock is in use by another agent, process ${agent_pid[A]}$"
wait $!
is "whatever its settings are" $? 1
like "and for the same reason" "$(cat "$dir/B.out")" "lock is in use by another agent"
is "before it has a ledger" "$(ls "$dir/B")" conf
ok "settings are checked beside it" second A --check-config
ok "and printed" second A --print-settings
ok "it answers all the while" agent_answers A

ok "another place has another one" agent_start B

# An agent that is killed, and begun again where it was before it is all gone.
nsenter -t "${agent_pid[A]}" -m sleep infinity &
place=$!
cleanup "kill $place"
wait_for 20 grep -q sleep /proc/$place/comm
kill -KILL "${agent_pid[A]}"
nsenter -t $place -m sh -c "echo \$\$ >'$dir/A/pid' && exec '$builddir/clockferryd' --config '$dir/A/conf'" </dev/null >>"$dir/A/log" 2>&1 &
ok "one that was killed is followed at once" wait_for 20 agent_answers A
agent_pid[A]=$(cat "$dir/A/pid")
finish
