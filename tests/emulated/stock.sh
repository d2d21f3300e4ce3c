#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# On whole hosts, with real KVM: clockferry as it is installed lives under a real
# systemd, and a guest is moved: by libvirt alone, by libvirt with `virsh domtime
# --now` after it, and by clockferry with the guest's agent.  What each of its
# clocks lost, by the outside tick stream, is the table at the end.
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
	pick "$1" <"$RIG_DIR/verdict"
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

ok "libvirt moves it" emu_migrate A B g
settle
ok "libvirt moves it back" emu_migrate B A g
ok "... and sets its clock by this host's" emu_virsh A domtime g --now
settle
emu_in A clockferry check g hB >"$RIG_DIR/check" 2>&1
is "clockferry would move it" $? 0
emu_in A clockferry migrate g hB >"$RIG_DIR/receipt" 2>&1
status=$?
note "$(cat "$RIG_DIR/receipt")"
like "clockferry moves it" "$status" '^[05]$'
is "... and it runs there" "$(emu_virsh B domstate g)" running
settle

[ ! "${EMU_TICKS:-}" ] || cp "$RIG_DIR/ticks-g" "$EMU_TICKS"
ok "the tick stream tells what the clocks lost" sh -c '"$1" "$2" >"$3"' sh "$srcdir/tests/emulated/clocks.py" "$RIG_DIR/ticks-g" "$RIG_DIR/verdict"
is "it moved three times" "$(verdict '[c["from"] + c["to"] for c in v["changes"]]')" "['AB', 'BA', 'AB']"
is "there was one copy at a time, and none went back" "$(verdict 'v["two_copies"] + v["rollbacks"] + v["back"]')" "[]"
is "libvirt alone loses MONOTONIC, and it shows" "$(verdict 'v["changes"][0]["lost_ns"]["0"]["MONOTONIC"]["low_ns"] > 0')" True
is "... and REALTIME by as much" "$(verdict 'abs(v["changes"][0]["corrected_ns"]) < 10**6')" True
is "setting the clock mends nothing but REALTIME" \
	"$(verdict 'v["changes"][1]["lost_ns"]["0"]["MONOTONIC"]["low_ns"] > 0 and v["changes"][1]["corrected_ns"] > 0')" True
ok "the guest trusts its clock as before" emu_trusts g kvm-clock
note "$("$srcdir/tests/emulated/clocks.py" "$RIG_DIR/ticks-g" "virsh migrate" "virsh migrate, domtime --now" "clockferry, guest-agent")"
note "infrastructure: $emu_infrastructure boots tried again"
finish
