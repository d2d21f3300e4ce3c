#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The watchdog between two real hosts: a migration that takes too long is cut in the
# copy and in its last part, with a slow peer and with one that has stopped, and each
# time the source runs on.  libvirt drives by itself; the agent is tests/cut-check.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/rig/cut.sh"
requires_rig
[ -x "$builddir/tests/cut-check" ] || skip_all "needs tests/cut-check: make check builds it"

# in_time SENTENCE: the guest stood still for no longer than the limit, 1 s, and what the machine did to other threads.
in_time()
{
	note "stood $(cut_value stood_us) us; cut $(cut_value late_us) us late, RESUME $(cut_value back_us) us after it," \
		"$(cut_value way_back_us) us were allowed for; other threads were late by $(cut_value gap_us) us (real-time)," \
		"$(cut_value ordinary_gap_us) us"
	ok "$1" [ "$(cut_value stood_us)" -le $((1000000 + $(cut_value gap_us) + $(cut_value ordinary_gap_us))) ]
	ok "and the cut was no later than any real-time thread may be" \
		[ "$(cut_value late_us)" -le $((1000 + $(cut_value gap_us))) ]
}

only_here()
{
	is "the guest runs at the source: $1" "$(rig_virsh A domstate g)" running
	ok "and nothing is left of it at the destination" wait_for 60 cut_gone
}

# More than the watchdog needs.
lock_some='import ctypes, mmap
size = 4 << 20
memory = mmap.mmap(-1, size)
raise SystemExit(ctypes.CDLL(None).mlock(ctypes.byref(ctypes.c_char.from_buffer(memory)), ctypes.c_size_t(size)) != 0)'

rig_up
rig_tbf A 200mbit
ok "a guest that writes to its memory" rig_define A g dirty=64 rate=30
ok "it starts" rig_start A g
uuid=$(rig_virsh A domuuid g)

# What the way back takes where QEMU emulates the guest, and others have the machine too: 100 ms, of which 20 are usual.

# A link that is too slow for what QEMU thinks it can do.
cut_begin limit=1000 spare=80 max-downtime=6000
wait $cut_job
if rig_in A chrt -f 10 true 2>/dev/null; then
	is "the watchdog is real-time, as others may be" "$(cut_value realtime)" 1
else
	skip "the watchdog is real-time" "nobody may be here"
fi
if rig_in A python3 -c "$lock_some" 2>/dev/null; then
	is "and its memory locked" "$(cut_value locked)" 1
else
	skip "the watchdog's memory is locked" "none may be here"
fi
is "the connection was found" "$(cut_value sockets) $(cut_value can_cut)" "1 1"
is "a slow link: cut for the blackout" "$(cut_value reason) $(cut_value n) $(cut_value errno)" "blackout 1 0"
is "it had stopped for the migration, and runs again" "$(cut_value switchover) $(cut_value undone)" "1 1"
in_time "within the limit"
only_here "slow link"

# The destination's QEMU stops in the last part: nothing is read there, and all queues are full.
cut_begin limit=1000 spare=80 max-downtime=6000
cut_stall
is "a destination that stopped: cut for the blackout" "$(cut_value reason) $(cut_value n) $(cut_value errno)" "blackout 1 0"
is "it had stopped for the migration, and runs again" "$(cut_value switchover) $(cut_value undone)" "1 1"
in_time "within the limit"
only_here "stalled in the last part"

# The same with parallel connections: one that were left would let the rest go on.
cut_begin limit=1000 spare=80 max-downtime=6000 parallel=3
cut_stall
is "parallel connections are found, all of them" "$(cut_value sockets) $(cut_value can_cut)" "4 1"
is "and cut" "$(cut_value reason) $(cut_value n) $(cut_value errno)" "blackout 4 0"
in_time "within the limit"
only_here "parallel"

# The same with a destination that has ended its half of the connection: FIN is all that comes from there.  QEMU closes it
# when it reads that, and waits to send on it all the same.
cut_begin limit=1000 spare=80 max-downtime=6000
cut_stall 20 "cut_half B"
is "a half-closed peer: it had stopped for the migration, and runs again" \
	"$(cut_value switchover) $(cut_value undone) $(cut_value loaded)" "1 1 0"
in_time "within the limit"
only_here "half-closed by the destination"

# And the source's half is ended: QEMU finds that out by itself, and nobody has to cut.
cut_begin limit=9000 max-downtime=6000
cut_soon stopped
rig_tbf A 10mbit # or all of it may be there before
ok "the source can send no more" cut_half A
wait $cut_job
is "a half-closed source: QEMU goes on by itself" "$(cut_value switchover) $(cut_value undone) $(cut_value cut)" "1 1 0"
only_here "half-closed by the source"
rig_tbf A 200mbit

# libvirtd hangs in the copy: a STOP would not be seen.
cut_begin limit=1000 max-downtime=1 heartbeat=300
ok "it copies" wait_for 20 cut_says copying
ok "libvirtd hangs" rig_libvirtd A freeze
ok "nobody is heard, and it is cut" wait_for 20 cut_says cut
rig_libvirtd A thaw
wait $cut_job
is "for want of a heartbeat, before the guest had stopped" \
	"$(cut_value reason) $(cut_value switchover) $(cut_value n)" "heartbeat 0 1"
only_here "libvirtd hung"

# The destination's QEMU stops in the copy: the guest runs, and whoever sees that nothing moves asks for the cut.
cut_begin max-downtime=1 by=asked after=1500
ok "it copies" wait_for 20 cut_says copying
cut_freeze
ok "a copy that does not move is cut when that is asked for" wait_for 20 cut_says cut
cut_thaw
wait $cut_job
is "and the guest has not stopped" "$(cut_value reason) $(cut_value switchover) $(cut_value n)" "asked 0 1"
only_here "stalled in the copy"

# And one that is in time.
rig_tbf A off
cut_begin limit=5000
wait $cut_job
is "a migration that is in time is not cut" "$(cut_value loaded) $(cut_value cut) $(cut_value end)" "1 0 1"
is "the guest runs at the destination" "$(rig_virsh B domstate g)" running

copies=$(rig_judge g | python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["two_copies"] + v["rollbacks"])')
is "there were never two copies" "$copies" "[]"
finish
