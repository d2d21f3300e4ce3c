#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# How a guest is carried: what it is between its starts, as it was.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl

settings='policy "default" { max-skew = "10 s" max-error-bound = "10 s" max-blackout = "5 s" max-residual = "1 s" }'

# persistence HOST GUEST: "persistent autostart", as that host's libvirt says, each yes or no; "-" without the domain.
persistence()
{
	rig_virsh "$1" dominfo "$2" 2>/dev/null | awk '$1 == "Persistent:" { p = $2 } $1 == "Autostart:" { a = $2 }
		END { print p ? p " " (a == "enable" ? "yes" : "no") : "-" }'
}

rig_up
for host in A B; do
	rig_agent_conf $host "$settings"
	ok "the agent of h$host starts" rig_agent $host start
done
ok "a guest" rig_define A g mem=160 dirty=32 rate=20
ok "which starts with its host" rig_virsh A autostart g
ok "it is up" rig_start A g

# An attempt that comes to nothing.

rig_tbf A 40mbit
begin aborted A migrate g hB
aborted=$job
id=$(its_id aborted)
ok "it is copied" wait_for 30 copies A "$id"
is "meanwhile a reboot of its host would not start it" "$(persistence A g)" "yes no"
ok "somebody aborts it" rig_clockferry A abort "$id"
wait "$aborted"
is "exit status" $? 4
ok "both hosts have the same receipt" both_have "$id"
is "it starts with its host again" "$(persistence A g)" "yes yes"
is "and is not on the other one" "$(persistence B g)" "-"
rig_tbf A off

# One that goes well, there and back.

ok "it migrates" rig_clockferry A migrate g hB
is "it is on hB what it was on hA" "$(persistence B g)" "yes yes"
is "where it is no longer" "$(persistence A g)" "-"
is "and nothing would start it" "$(ls "$RIG_DIR/A/etc/libvirt/qemu/autostart")" ""
ok "its host forgets about starting it" rig_virsh B autostart --disable g
ok "it migrates back" rig_clockferry B migrate g hA
is "and does not start there either" "$(persistence A g)" "yes no"
is "nor on hB, where it is no longer" "$(persistence B g)" "-"
ok "it is made transient" rig_virsh A undefine g
ok "and migrates" rig_clockferry A migrate g hB
is "a transient domain stays one" "$(persistence B g)" "no no"
finish
