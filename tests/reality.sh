# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For tests/realities*.sh: a guest on hA that is on its way to hB, and how that ended.

settings=$(rig_policy '5 s')

agents()
{
	for host in A B; do
		rig_in $host pgrep -x clockferryd
	done | paste -sd' '
}

guest=g	# whom all this is about

# copy NAME: the guest on its way from hA to hB, and not there soon; $job is the command, $id the migration.
copy()
{
	rig_tbf A 40mbit
	sets_out "$@"
	ok "$1: it is copied" wait_for 30 copies A "$id"
}

# sets_out NAME [OPTION...]: the same, without waiting.
sets_out()
{
	note "--- $1 ($SECONDS s)"
	begin "$1" A migrate $guest hB "${@:2}"
	id=$(its_id "$1")
}

# states: "hA: ... hB: ..." of the guest, as each libvirtd has it; "-" where there is none.
states()
{
	for host in A B; do
		printf 'h%s: %s ' $host "$(rig_virsh $host domstate $guest 2>/dev/null || echo -)"
	done
}

# is_so STATES: do both libvirtds say so?
is_so()
{
	[ "$(states)" = "$1 " ]
}

# left HOST: what is left of the guest on a host that does not have it.
left()
{
	rig_in "$1" pgrep -af guest=$guest, || true
	ls "$RIG_DIR/$1"/{etc,run,lib}/libvirt/qemu/{,autostart/}$guest.{xml,pid,monitor} \
		"$RIG_DIR/$1"/lib/libvirt/qemu/*-$guest 2>/dev/null || true
}

# over NAME STATUS STATES REASON: how the migration that copy began has ended.
over()
{
	local name=$1 status=$2 states=$3 reason=$4
	wait "$job"
	is "$name: exit status" $? "$status"
	ok "... both hosts have the same receipt" both_have "$id"
	like "... which says why" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" "$reason"
	ok "... $states" wait_for 40 is_so "$states" || note "$(states)"
	[[ $states == *"hB: -"* ]] && is "... nothing is left on hB" "$(left B)" ""
	[[ $states == *"hA: -"* ]] && is "... nothing is left on hA" "$(left A)" ""
	is "... and the agents are who they were" "$(agents)" "$before"
	for host in A B; do
		ok "... that of h$host has no call that hangs, and libvirt" wait_for 40 at_ease $host
	done
	rig_tbf A off 2>/dev/null
}

at_ease()
{
	ask "$1" GET /v1/health >/dev/null &&
		[ "$(pick 'v["libvirt_connected"], v["hung_calls"], v["migrations"]' <"$RIG_DIR/answer")" = "True 0 0" ]
}

# there_and_back NAME: two migrations as they should be.
there_and_back()
{
	ok "$1: it moves, and is measured" rig_clockferry A migrate g hB
	ok "... and back" rig_clockferry B migrate g hA
}

rig_up
rig_agents "$settings"
before=$(agents)
ok "a guest" rig_define A g mem=160 dirty=32 rate=20
ok "which starts with its host" rig_virsh A autostart g
ok "it is up" rig_start A g
