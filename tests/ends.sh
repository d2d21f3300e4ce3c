# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The two ends of a migration by phases (tests/phases-check), of the guest whose
# uuid is in $uuid, on hosts of the rig.

check=$builddir/tests/phases-check

# taken HOST [WORD=VALUE]...: that host takes g in, in the background; what it says is in "there".
taken()
{
	local host=$1
	shift
	rm -f "$RIG_DIR/there" "$RIG_DIR/link"
	rig_in "$host" timeout 100 "$check" qemu:///system destination "$RIG_DIR/link" uuid="$uuid" "$@" >"$RIG_DIR/there" 2>&1 &
	taker=$!
	wait_for 20 grep -q ready "$RIG_DIR/there"
}

# given FROM TO [WORD=VALUE]...: the other end; what it says is in "here".  Returns when both have ended.
given()
{
	local from=$1 to=$2
	shift 2
	rig_in "$from" timeout 100 "$check" qemu:///system source "$RIG_DIR/link" "$uuid" "h$to" "$@" unsafe=1 >"$RIG_DIR/here" 2>&1
	wait $taker
}

# here NAME..., there NAME...: the last values of those names, "1 0 1".
values()
{
	local file=$1 name all=()
	shift
	for name; do
		all+=("$(sed -n "s/^$name=//p" "$RIG_DIR/$file" | tail -n 1)")
	done
	echo "${all[*]}"
}
here()
{
	values here "$@"
}
there()
{
	values there "$@"
}

# in_ms here|there [FROM] TO: a time in us, or what lies between two of them.
in_ms()
{
	values "$@" | awk '{ printf "%.2f\n", (NF > 1 ? $2 - $1 : $1) / 1000 }'
}
