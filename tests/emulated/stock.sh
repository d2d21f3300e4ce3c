#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# On whole hosts, with real KVM: clockferry as it is installed lives under a real
# systemd, and a guest is moved: by libvirt alone, by libvirt with `virsh domtime
# --now` after it, by clockferry with the guest's agent, and by clockferry with the
# library, which is turned on meanwhile: a guest has it from its next arrival on.
# What each of its clocks lost, by the outside tick stream, is the table at the end.
. "$srcdir/tests/emulated/emu.sh"
requires_emu

# settle SECONDS: what the estimator needs of a stay that is neither migrated nor looked at.
settle()
{
	sleep "${1:-15}"
}

# verdict EXPRESSION: Python over what the tick stream says, v.
verdict()
{
	emu_verdict g "$1"
}

receipt()
{
	pick "$1" <"$RIG_DIR/receipt"
}

# ferry FROM TO LEVER [options]: clockferry moves it, and rights its clock by that lever; $bound is how well its receipt knows that.
ferry()
{
	local from=$1 to=$2 lever=$3
	shift 3
	ok "clockferry would move it from h$from to h$to" wait_for 120 emu_in "$from" clockferry check g "h$to" "$@"
	emu_in "$from" clockferry migrate g "h$to" --json "$@" >"$RIG_DIR/receipt" 2>"$RIG_DIR/migrate.err"
	like "... and does" $? '^[05]$'
	note "$(tail -n 5 "$RIG_DIR/migrate.err"; emu_in "$from" clockferry show "$(receipt 'v["migration"]["id"]')" 2>&1)"
	is "... it runs there" "$(emu_virsh "$to" domstate g)" running
	is "... its clock was the lever's, $lever" "$(receipt 'v["landing"]["lever"]')" "$lever"
	bound=$(receipt '(lambda i: (i["high_ns"] - i["low_ns"]) // 2)('"$([ "$lever" = kvm ] && echo 'v["landing"]["counters"]' || echo 'v["landing"]["residuals"][-1]')"'["residual"])')
	settle
}

emu_up
for host in A B; do
	is "h$host: every unit runs that should" "$(emu_in $host systemctl --failed --no-legend)" ""
	is "h$host: the agent runs under its own user" "$(emu_in $host sh -c 'ps -o user:20= -p "$(systemctl show -P MainPID clockferryd)"')" clockferry
	is "h$host: its clock is the TSC" "$(emu_in $host cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" tsc
	# At first libvirtd looks at what its QEMU can do.
	ok "h$host: before long doctor finds nothing that fails" wait_for 120 emu_in $host clockferry doctor
done
like "the agent is well" "$(emu_in A clockferry status)" '^hA: as it should be'

ok "a guest is defined" emu_define A g
ok "it starts, under KVM" emu_start A g
like "its counter's offset is known" "$(emu_in A clockferry domain g)" 'vCPU counters +0: offset -?[0-9]+ ticks'
ok "its clock is set" emu_virsh A domtime g --now
settle 30

# Agents that look on would set its clock after libvirt's own migrations, too.
for host in A B; do
	ok "h$host: the agent is not there" emu_in $host systemctl stop clockferryd
done
ok "libvirt moves it" emu_migrate A B g
settle
ok "libvirt moves it back" emu_migrate B A g
ok "... and sets its clock by this host's" emu_virsh A domtime g --now
settle
for host in A B; do
	ok "h$host: the agent is back" emu_in $host systemctl start clockferryd
done
ferry A B guest-agent
rows=("virsh migrate" None "virsh migrate, domtime --now" None "clockferry, guest-agent" "$bound")
ok "libvirtd is told to hand on the library, and started again" emu_preload
ferry B A guest-agent
rows+=("clockferry, guest-agent, and back" "$bound")
like "the guest has it now" "$(emu_in A clockferry kvm status)" '^g +[0-9a-f-]+ +loaded$'
ferry A B kvm --require-lever kvm
rows+=("clockferry, kvm" "$bound")

emu_keep g
emu_judge g 1 None None None None "$bound"
is "they were the five moves" "$(verdict '[c["from"] + c["to"] for c in v["changes"]]')" "['AB', 'BA', 'AB', 'BA', 'AB']"
# domtime knows whole seconds, and sets REALTIME back by what it leaves out.
is "there was one copy at a time, and none went back but by domtime" "$(verdict 'v["two_copies"] + v["rollbacks"] +
	[b for b in v["back"] if b["clock"] != "REALTIME" or b["at_ns"] >= v["changes"][2]["at_ns"]]')" "[]"
is "libvirt alone loses MONOTONIC, and it shows" "$(verdict 'v["changes"][0]["lost_ns"]["0"]["MONOTONIC"]["low_ns"] > 0')" True
is "... and REALTIME by as much" "$(verdict 'abs(v["changes"][0]["corrected_ns"]) < 10**6')" True
is "who sleeps until a moment of MONOTONIC is late by as much" \
	"$(verdict '[len(c["sleeps"]["outside_ns"]) > 0 and all(x > c["lost_ns"]["0"]["MONOTONIC"]["low_ns"] - v["jitter_ns"]["MONOTONIC"] for x in c["sleeps"]["outside_ns"]) for c in v["changes"][:2]]')" "[True, True]"
# What becomes of REALTIME is chance: by how much domtime sets it back for the rest of a second, and what was behind.
is "setting the clock mends neither MONOTONIC nor the TSC" \
	"$(verdict '[v["changes"][1]["lost_ns"]["0"][clock]["low_ns"] > 0 for clock in ("MONOTONIC", "TSC")]')" "[True, True]"
ok "the guest trusts its clock as before" emu_trusts g
emu_table g "${rows[@]}"
note "infrastructure: $emu_infrastructure boots tried again"
finish
