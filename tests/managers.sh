#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Drivers that nobody here wrote: libvirt's Python bindings, called as Nova and KubeVirt call it (tests/managers.py), and
# Nova's own live migration where Debian's python3-nova is there (tests/nova-itself.py; NOVA_PATH: where else to look for it).
# CLIENTS: not all of them.
# What is not to come in is refused to them, with the reason in their error; what does is measured and corrected.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/driven.sh"
requires_rig
requires_command curl
python=/usr/bin/python3	# Debian's modules are that one's
$python -c 'import libvirt' 2>/dev/null || skip_all "needs python3-libvirt"

env PYTHONPATH="${NOVA_PATH:-}" $python -c 'import nova.virt.libvirt.driver' 2>/dev/null && itself=Nova-itself
read -ra clients <<<"${CLIENTS:-nova kubevirt ${itself:-}}"

# by CLIENT FROM TO: its exit status; what it printed is in $RIG_DIR/said.
by()
{
	case $1 in
	Nova-itself)
		rig_in "$2" env PYTHONPATH="${NOVA_PATH:-}" HOME=/tmp $python "$srcdir/tests/nova-itself.py" "$uuid" "h$3" "$(rig_address "$3")"
		;;
	*) rig_in "$2" $python "$srcdir/tests/managers.py" "$1" g "h$3" "$(rig_address "$3")" ;;
	esac >"$RIG_DIR/said" 2>"$RIG_DIR/errors"
}

driven_hosts 'max-blackout = "5 s" verify-until = "2 s"'
driven_guest mem=128 dirty=8 rate=20
uuid=$(rig_virsh A domuuid g | tr -d '\n')
ok "the hook is there" rig_clockferry B hook install --program "$builddir/clockferry-hook"

# A host whose clock is not good enough.

rig_agent_conf B 'policy "default" { max-error-bound = "1 us" }'
rig_agent B reload
for client in "${clients[@]}"; do
	by "$client" A B
	is "$client: refused: exit status" $? 1
	like "$client: and reads why" "$(cat "$RIG_DIR/said" "$RIG_DIR/errors")" "clockferry: hB: the host.s clock may be further from UTC"
	is "$client: the guest runs on where it was" "$(rig_virsh A domstate g)" running
done
is "nothing of it was taken for a migration" "$(moves A) $(moves B)" "0 0"
rig_judge g >"$RIG_DIR/verdict-g"
is "the guest has not stood still" "$(pick 'v["pauses"]' <"$RIG_DIR/verdict-g")" "[]"

# And one whose is.

rig_agent_conf B "$settings"
rig_agent B reload
from=A to=B
for client in "${clients[@]}"; do
	n=$(moves A)
	ok "$client: it goes" by "$client" $from $to || note "$(tail -n 3 "$RIG_DIR/errors")"
	note "$(cat "$RIG_DIR/said")"
	ok "$client: is one more migration, on both hosts" wait_for 20 both_ended $((n + 1))
	id=$(newest A)
	ok "$client: with the same receipt" both_have "$id"
	is "$client: clean, and somebody else's" "$(receipt 'v["migration"]["outcome"] + v["migration"]["reason"], v["driver"]')" "clean foreign"
	is "$client: measured, and corrected, or it says why not" \
		"$(receipt 'v["blackout"]["high_ns"] > 0, len(v["landing"]["steps"]) > 0 or len(v["landing"]["left"]) > 0, v["unmeasured"] + v["landing"]["unmeasured"]')" "True True []"
	note "$client: blackout $(receipt 'v["blackout"]'), libvirt $(receipt 'v["libvirt_downtime_ns"] // 10**6') ms, left $(receipt 'v["landing"]["residuals"][-1]["residual"]')"
	[ $from = A ] && from=B to=A || from=A to=B
	if [ $client = kubevirt ]; then # it leaves the definition behind
		rig_virsh $to undefine g >/dev/null 2>&1
		rig_virsh $from undefine g >/dev/null 2>&1
	fi
	sleep 3
done
finish
