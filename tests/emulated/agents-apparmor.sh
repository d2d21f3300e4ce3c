#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agents.sh with AppArmor, which confines libvirtd and QEMU by Debian's profiles.
export EMU_APPARMOR=1 EMU_CASE=2:tsc EMU_WAYS="apart together"
exec bash "$srcdir/tests/emulated/agents.sh"
