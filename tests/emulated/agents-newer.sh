#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agents.sh from Debian 12 to Debian 13, whose QEMU, libvirt and Linux are newer.  There is no way back.
export EMU_A=bookworm EMU_B=trixie EMU_CASE=2:tsc EMU_APART=0.005 EMU_WAYS=apart
exec bash "$srcdir/tests/emulated/agents.sh"
