# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Migrations of guest g, $uuid, from A to B by tests/cut-check, and faults for them.

# cut_begin WORD=VALUE...: in the background, as $cut_job.
cut_begin()
{
	: >"$RIG_DIR/cut"
	rig_in A timeout 120 "$builddir/tests/cut-check" qemu:///system g "$uuid" hB "$@" >"$RIG_DIR/cut" 2>>"$RIG_DIR/cut.err" &
	cut_job=$!
}

cut_says()
{
	grep -qx "$1" "$RIG_DIR/cut"
}

cut_value()
{
	sed -n "s/^$1=//p" "$RIG_DIR/cut"
}

# Waits, to some 10 ms, until it says that.
cut_soon()
{
	tail -n +1 -s 0.01 --pid=$cut_job -f "$RIG_DIR/cut" | grep -qxm1 "$1"
}

# QEMU at the destination stops, and goes on.
cut_freeze()
{
	rig_in B pkill -STOP qemu-system
}

cut_thaw()
{
	rig_in B pkill -CONT qemu-system
}

# cut_half HOST: its QEMU's end of the connection takes nothing more from it.
cut_half()
{
	[ "$(rig_in "$1" python3 "$srcdir/tests/rig/half.py" qemu-system 49400)" -gt 0 ]
}

# cut_stall [SECONDS [COMMAND]]: the destination's QEMU stops as soon as the guest has, and goes on when the guest runs
# again, or after so long: until then libvirtd does not get rid of it.  The command is run when it has stopped.
cut_stall()
{
	cut_soon stopped
	cut_freeze
	${2:-:}
	timeout "${1:-20}" bash -c "$(declare -f cut_soon); RIG_DIR=$RIG_DIR cut_job=$cut_job cut_soon back"
	cut_thaw
	wait $cut_job
}

cut_gone()
{
	[ -z "$(rig_virsh B list --all --name | grep -x g)" ]
}
