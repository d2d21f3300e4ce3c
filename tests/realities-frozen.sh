#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A libvirtd that stands still in the middle of a copy, for longer than the other one's keepalive has patience
# (here 1 s, asked 5 times), and then goes on as if nothing had been.  Each ends as tests/realities.sh has it.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl
. "$srcdir/tests/reality.sh"

frozen_for=15
for host in A B; do
	echo 'keepalive_interval = 1' >>"$RIG_DIR/$host/etc/libvirt/qemu.conf"
	sed -i 's/^keepalive_interval = .*/keepalive_interval = 1/' "$RIG_DIR/$host/etc/libvirt/libvirtd.conf"
	ok "libvirtd of h$host has less patience" rig_libvirtd $host restart
	ok "the agent finds it again" wait_for 20 at_ease $host
done

copy "libvirtd of the source stands still"
ok "... for $frozen_for s" rig_libvirtd A freeze
sleep $frozen_for
ok "... its agent answers all the while" rig_clockferry A version
ok "... and then it goes on" rig_libvirtd A thaw
over "libvirtd of the source stands still" 4 "hA: running hB: -" "^aborted: ."

copy "libvirtd of the destination stands still"
ok "... for $frozen_for s" rig_libvirtd B freeze
sleep $frozen_for
ok "... its agent answers all the while" rig_clockferry B version
ok "... and then it goes on" rig_libvirtd B thaw
over "libvirtd of the destination stands still" 4 "hA: running hB: -" "^aborted: ."

there_and_back "after that"
is "there were never two copies of it" "$(rig_judge g | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
finish
