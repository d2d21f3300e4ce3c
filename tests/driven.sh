# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Migrations of the rig's guest g that somebody else drives, and what the agents have of them.

# driven_policy LINE...: of agents that put up with hosts whose clocks are apart; LINE: more of it.
driven_policy()
{
	echo "policy \"default\" { max-skew = \"10 s\" max-error-bound = \"10 s\" max-residual = \"1 s\" $* }"
}

# driven_hosts LINE...: hosts whose clocks are half a second apart, with agents of such a policy.
driven_hosts()
{
	settings=$(driven_policy "$@")
	rig_faketime B +0.5 chrony
	rig_up
	rig_agents "$settings"
}

# driven_guest WORD...: g, as of rig_define, runs on hA, and the agents know each other.
driven_guest()
{
	ok "a guest" rig_define A g "$@"
	ok "starts" rig_start A g
	driven_acquainted
}

driven_acquainted()
{
	wait_for 20 knows A hB && wait_for 20 knows B hA
	result $? "the agents know each other"
}

# driven FROM TO OPTIONS...: by virsh, direct unless --p2p is among them (unsafe: a disk of it, should it have one, is used by nobody); $answer is what it said, $took how long, in ms.
driven()
{
	local from=$1 to=$2 begin=${EPOCHREALTIME/./} r
	shift 2
	answer=$(rig_virsh "$from" migrate --live --persistent --undefinesource --unsafe "$@" g "qemu+tcp://h$to/system" 2>&1)
	r=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	[ $r = 0 ] || note "$answer"
	return $r
}

# knows HOST PEER: is the gate to it open?
knows()
{
	rig_clockferry "$1" peers "$2" --json | grep -q '"gate_open": true'
}

# moves HOST: how many migrations its list has.
moves()
{
	rig_clockferry "$1" list | grep -cE '^[0-9a-f]{8}-'
}

# newest HOST: the id of the last one.
newest()
{
	rig_clockferry "$1" list | sed -n 's/^\([0-9a-f]\{8\}-[0-9a-f-]*\) .*/\1/p' | head -n 1
}

# slowly FROM TO MBIT OPTIONS...: driven as $virsh beside the test, so slowly that both hosts have it under way, as $id.
slowly()
{
	rig_tbf "$1" "$3mbit"
	driven "$1" "$2" "${@:4}" >/dev/null 2>&1 &
	virsh=$!
	ok "virsh moves it, slowly" wait_for 20 seen "$1" copying
	id=$(newest "$1")
	ok "h$2 expects it" wait_for 10 seen "$2" prepared
}

# ended HOST N: has it so many, all of them at their end?
ended()
{
	[ "$(rig_clockferry "$1" list | grep -cE '^[0-9a-f]{8}-.* (done|aborted|dropped|refused) +[a-z]+ *$')" = "$2" ] &&
		[ "$(moves "$1")" = "$2" ]
}

both_ended()
{
	ended A "$1" && ended B "$1"
}

# seen HOST PHASE: is the newest one in that phase?
seen()
{
	[ "$(phase "$1" "$(newest "$1")")" = "$2" ]
}
