#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agents.sh with an agent that dies in the blackout.  For a build with --enable-faults.
export EMU_WAYS=killed
exec bash "$srcdir/tests/emulated/agents.sh"
