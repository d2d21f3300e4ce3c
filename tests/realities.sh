#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What becomes of libvirt and of a guest while nobody looks, and in the middle of a copy.  Each ends with the same
# receipt on both hosts and a reason, the guest where both libvirtds say it is, nothing left behind, and both agents
# as they were.
. "$srcdir/tests/rig/rig.sh"
RIG_DRIVER=libvirt	# what is tried here is what libvirt does by itself
requires_rig
requires_command curl
. "$srcdir/tests/reality.sh"

# libvirtd comes and goes.

for host in A B; do
	ok "libvirtd of h$host is restarted while nothing happens" rig_libvirtd $host restart
done
for host in A B; do
	ok "the agent of h$host finds it again" wait_for 20 at_ease $host
done
there_and_back "after that"

copy "libvirtd of the source is restarted"
ok "it is restarted" rig_libvirtd A restart
over "libvirtd of the source is restarted" 4 "hA: running hB: -" "^aborted: ."

copy "libvirtd of the destination is restarted"
ok "it is restarted" rig_libvirtd B restart
over "libvirtd of the destination is restarted" 4 "hA: running hB: -" "^aborted: ."

copy "libvirtd of the source dies"
ok "it is killed" rig_libvirtd A kill
sleep 3
ok "and comes again" rig_libvirtd A start
over "libvirtd of the source dies" 4 "hA: running hB: -" "^aborted: ."

there_and_back "after all that"
is "and it starts with its host as ever" "$(rig_virsh A dominfo g | awk '$1 == "Autostart:" { print $2 }')" enable
is "there were never two copies of it" "$(rig_judge g | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
finish
