#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# libclockferry-kvm.so in the QEMUs of two whole hosts with real KVM, as libvirtd
# hands it to them; the agents' part is tests/kvm-agent's.  No clock of a guest
# may lose more than the bound of the hosts' offset, give or take what the tick
# stream can tell (its control); none may go back; and vCPUs agree.
#
# EMU_CASES   guests: VCPUS:CLOCKSOURCE... (default: 1:kvm-clock)
# EMU_SKEWS   of the hosts' clocks, in seconds, one migration after the other (default: 0.5 0)
. "$srcdir/tests/emulated/emu.sh"
. "$srcdir/tests/emulated/carry.sh"
EMU_PRELOAD=host
: "${EMU_CASES:=1:kvm-clock}" "${EMU_SKEWS:=0.5 0}"
requires_emu
[ -e "$builddir/libclockferry-kvm.so" ] || skip_all "libclockferry-kvm.so is not built for this machine"

# offsets HOST: the TSC offsets of its vCPUs, as the kernel shows them; how many different ones there are.
offsets()
{
	emu_in "$1" sh -c "sort -u /sys/kernel/debug/kvm/$(emu_qemu "$1" "$guest")-*/vcpu*/tsc-offset | wc -l"
}

# carried FROM TO
carried()
{
	local from=$1 to=$2
	ok "$guest: it moves from h$from to h$to" emu_carry "$from" "$to" "$guest" || return
	is "$guest: the library carried its clocks" "$(outcome '(v["outcome"]["result"], v["outcome"]["step"])')" "('carried', 'none')"
	note "$guest: $(outcome '{k: o[k] for o in [v["outcome"]] for k in ("elapsed_ns", "residual_ns", "routes_ns", "took_ns", "bare_ns", "flags")}')"
	is "$guest: KVM's master clock is on" "$(outcome 'v["outcome"]["flags"] >> 2 & 1')" 1
	note "$guest: timers armed again: $(outcome '[vcpu["flags"] >> 4 & 1 for vcpu in v["vcpus"]]')"
	is "$guest: its vCPUs have one offset" "$(offsets "$to")" 1
	is "$guest: ... which is the one the library says" \
		"$(emu_in "$to" sh -c "cat /sys/kernel/debug/kvm/$(emu_qemu "$to" "$guest")-*/vcpu0/tsc-offset")" "$(outcome 'v["vcpus"][0]["after"]')"
	sleep 12
}

emu_up
for case in $EMU_CASES; do
	guest=g${case/:/-} emu_bounds=()
	from=A to=B rows=()
	ok "$guest: a guest with ${case%%:*} vCPUs and ${case#*:} is defined" emu_define A "$guest" vcpus="${case%%:*}" clocksource="${case#*:}"
	ok "$guest: it starts" emu_start A "$guest"
	sleep 20
	for skew in $EMU_SKEWS; do
		ok "the hosts' clocks are $skew s apart" emu_skew "$skew"
		carried $from $to && rows+=("library, hosts $skew s apart" "${emu_bounds[-1]}")
		[ $from = A ] && from=B to=A || from=A to=B
	done
	emu_keep "$guest"
	emu_judge "$guest" "${case%%:*}" "${emu_bounds[@]}"
	is "$guest: none went back, and there was one copy at a time" "$(emu_verdict "$guest" 'v["back"] + v["rollbacks"] + v["two_copies"]')" "[]"
	ok "$guest: its kernel trusts its clock as before" emu_trusts "$guest"
	emu_table "$guest" "${rows[@]}"
	emu_virsh $from destroy "$guest"
done
note "infrastructure: $emu_infrastructure boots tried again"
finish
