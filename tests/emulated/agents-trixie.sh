#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agents.sh between two hosts with Debian 13, with two vCPUs and kvm-clock.
# With a thread for each of their processors such hosts have reset themselves, and their guest has.
export EMU_THREAD=single EMU_RELEASE=trixie EMU_CASE=2:kvm-clock EMU_WAYS="cut apart together foreign"
exec bash "$srcdir/tests/emulated/agents.sh"
