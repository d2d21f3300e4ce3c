#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# kvm.sh with two vCPUs, by each clock that Linux may take, and hosts that are apart by little, by much and not.
export EMU_CASES='2:tsc 2:kvm-clock' EMU_SKEWS='0.005 0.5 0'
exec bash "$srcdir/tests/emulated/kvm.sh"
