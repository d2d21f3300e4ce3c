#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A guest between a host with this version's agent and one with the agent of the version before it, there and back.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/previous-build.sh"
requires_rig
requires_command curl
requires_previous

# on HOST COMMAND...: with the programs of the version that is there.
on()
{
	local host=$1 builddir=$builddir
	[ "$host" = A ] || builddir=$before
	"${@:2}"
}

# same HOST ID: has it that receipt, of which whoever asked for the migration was told?
same()
{
	local there
	on "$1" rig_clockferry "$1" show "$2" --json >"$RIG_DIR/there" && there=$(pick "$figures" <"$RIG_DIR/there") &&
		[ "$there" = "$(pick "$figures" <"$RIG_DIR/said")" ]
}

# moved NAME FROM TO: and both hosts know what of.
moved()
{
	local name=$1 from=$2 to=$3
	on "$from" rig_clockferry "$from" migrate g "h$to" --json >"$RIG_DIR/said" 2>"$RIG_DIR/err"
	is "$name: exit status" $? 0 || note "$(cat "$RIG_DIR/said" "$RIG_DIR/err")"
	id=$(pick 'v["migration"]["id"]' <"$RIG_DIR/said")
	is "$name: the guest runs on h$to" "$(rig_virsh "$to" domstate g)" running
	ok "$name: h$from knows it no longer" not rig_virsh "$from" domstate g
	ok "$name: h$to has the same receipt, as far as both know it" wait_for 30 same "$to" "$id" ||
		note "$(cat "$RIG_DIR/there")" "$(cat "$RIG_DIR/said")"
	is "$name: ... blackout and guest's clock were measured" \
		"$(pick '"blackout" in v, len(v["landing"]["residuals"]) > 0, v["migration"]["outcome"]' <"$RIG_DIR/said")" "True True clean"
	note "$name: driver $(pick 'v["driver"], [f["code"] for f in v["migration"]["findings"]], v["unmeasured"]' <"$RIG_DIR/said")"
}
figures='[v["migration"][k] for k in ("id", "domain", "uuid", "source", "destination", "outcome", "reason")], v["driver"], v["blackout"],
	v["stop"], v["landing"]["resume"], v["landing"]["residuals"], v["guest_offset_before"], v["offset_during"], v["bytes"]'

ok "the previous version is built" build_previous || exit 1
note "$commit"
rig_up
rig_agent_conf A "$(rig_policy '5 s')"
rig_agent_conf B "$(rig_policy '5 s')"
# Of its settings the other version has those that it knows.
if ! "$before/clockferryd" --check-config --config "$RIG_DIR/B/etc/clockferry/clockferryd.conf" >/dev/null 2>&1; then
	rig_agent_conf B 'policy "default" { max-skew = "10 s" max-error-bound = "10 s" max-blackout = "5 s" max-residual = "1 s" }'
	sed -i '/^\t*driver = /d; /^\t*copy {/,/^\t*}/d' "$RIG_DIR/B/etc/clockferry/clockferryd.conf"
fi
ok "this version's agent on hA" rig_agent A start
ok "the previous one's on hB" on B rig_agent B start
ok "a guest" rig_define A g dirty=48 rate=20
ok "starts" rig_start A g
ok "nothing speaks against moving it" wait_for 60 rig_clockferry A check g hB || note "$(rig_clockferry A check g hB 2>&1)"

moved there A B
ok "nor against moving it back" wait_for 60 on B rig_clockferry B check g hA
moved back B A
rig_judge g >"$RIG_DIR/verdict"
is "there were never two copies, nor one that went back" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
is "it changed host twice" "$(pick 'len(v["changes"])' <"$RIG_DIR/verdict")" 2
finish
