#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An agent whose libvirt cannot be driven phase by phase says so when it starts: once, and with what is missing.
. "$srcdir/tests/agents.sh"
agents_begin "$0"
[ -e "$builddir/tests/older.so" ] || skip_all "needs tests/older.so: make check builds it"

said()
{
	grep -c "migrations have no gate, libvirt drives them by itself (driver libvirt)$2" "$dir/$1/log"
}

agent_conf A 9443 "ledger { path = \"$dir/A/ledger\" }"
agent_conf B 9444 "ledger { path = \"$dir/B/ledger\" }" "libvirt { driver = libvirt }"
ok "an agent" agent_start A || exit 1
is "says nothing of it where all is there" "$(said A)" 0
agent_stop A

# Sanitizers want to be first.
export LD_PRELOAD=$builddir/tests/older.so ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
[[ $LD_PRELOAD = /* ]] || LD_PRELOAD=$PWD/$LD_PRELOAD
ok "an agent with an older libvirt" agent_start A || exit 1
ok "one that is to leave it to libvirt" agent_start B || exit 1
unset LD_PRELOAD
is "says what it lacks" "$(said A ": libvirt's library is older than 1.1.0")" 1
is "once" "$(said A)" 1
is "and not where it was told to" "$(said B)" 0
finish
