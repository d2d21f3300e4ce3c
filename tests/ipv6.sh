#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Hosts without a single IPv4 address between them: by name and by address, from the probe to the receipt.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl
[ -e /proc/net/if_inet6 ] || skip_all "this kernel has no IPv6"

settings=$(rig_policy '5 s')

# knows HOST PEER
knows()
{
	rig_clockferry "$1" peers "$2" --json | grep -q '"gate_open": true'
}

rig_family=6
rig_up
for host in A B; do
	is "h$host has no IPv4 address" "$(rig_in $host ip -4 -br addr show dev eth0)" ""
	rig_agent_conf $host "$settings" 'libvirt { migrate-uri = "tcp://%s" }'
	ok "the agent of h$host starts" rig_agent $host start
done
ok "hA knows hB" wait_for 20 knows A hB
ok "and hB hA" wait_for 20 knows B hA
like "by its address" "$(rig_in A ss -Htn state established '( dport = 9437 )')" '\[fd99::2\]:9437'
ok "a guest" rig_define A g mem=160 tick=2
ok "starts" rig_start A g

ok "it may migrate to hB" rig_clockferry A check g hB
ok "and to the same host by its address" rig_clockferry A check g fd99::2
is "but not to where it is" "$(rig_clockferry A check g fd99::1 >"$RIG_DIR/said" 2>&1; echo $?)" 3
like "which is the same host" "$(cat "$RIG_DIR/said")" "same-host"
ok "the command finds an agent by address" rig_clockferry A --host fd99::2 version

begin there A migrate g hB
id=$(its_id there)
wait "$job"
is "it migrates to hB" $? 0 || note "$(cat "$RIG_DIR/there")"
ok "both hosts have the same receipt" both_have "$id"
is "in which all was measured" "$(receipt 'v["migration"]["outcome"], v["unmeasured"]')" "clean []"
is "the guest runs there" "$(rig_virsh B domstate g)" running

begin back B migrate g fd99::1
id=$(its_id back)
wait "$job"
is "and back, to an address" $? 0 || note "$(cat "$RIG_DIR/back")"
ok "both hosts have the same receipt" both_have "$id"
is "in which the host has its address for a name" "$(receipt 'v["migration"]["destination"]')" fd99::1
is "the guest runs where it began" "$(rig_virsh A domstate g)" running

rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
finish
