#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agents.sh between two hosts with Debian 13, with two vCPUs and kvm-clock.
# Of hosts with two processors most died (emu_dead).
export EMU_CPUS=1 EMU_RELEASE=trixie EMU_CASE=2:kvm-clock EMU_WAYS="cut apart together foreign"
exec bash "$srcdir/tests/emulated/agents.sh"
