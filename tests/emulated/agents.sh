#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Two whole hosts with real KVM, whose agents carry a guest's clocks with the library in
# its QEMU: every policy requires the lever kvm.  One migration is rolled back at the gate,
# one goes there with the hosts' clocks apart, one comes back with them together, and
# libvirt alone moves it once more.  The outside tick stream is the judge.
#
# EMU_CASE    VCPUS:CLOCKSOURCE (default: 1:kvm-clock)
# EMU_APART   how far, in seconds (default: 0.5)
# EMU_PRELOAD domain: the library is loaded by the guest's own XML (default: host)
. "$srcdir/tests/emulated/emu.sh"
. "$srcdir/tests/emulated/carry.sh"
: "${EMU_CASE:=1:kvm-clock}" "${EMU_APART:=0.5}" "${EMU_PRELOAD:=host}"
requires_emu
[ -e "$builddir/libclockferry-kvm.so" ] || skip_all "libclockferry-kvm.so is not built for this machine"
labels=() bounds=()

receipt()
{
	pick "$1" <"$RIG_DIR/receipt"
}

verdict()
{
	pick "$1" <"$RIG_DIR/verdict"
}

# move FROM TO STATUS [options]: what came of it is in $RIG_DIR/receipt.
move()
{
	local from=$1 to=$2 wanted=$3
	shift 3
	emu_in "$from" clockferry migrate g "h$to" --require-lever kvm --json "$@" >"$RIG_DIR/receipt" 2>"$RIG_DIR/migrate.err"
	like "h$from to h$to: it ends as it should" $? "$wanted"
	note "$(tail -n 5 "$RIG_DIR/migrate.err"; receipt '[v.get("migration", v).get(k) for k in ("reason", "detail", "findings")]')"
	note "$(emu_in "$from" clockferry show "$(receipt 'v.get("migration", {}).get("id")')" 2>&1 | sed -n '/^Blackout/,/^Host clocks/p' | grep -v '^Host clocks')"
	sleep 15
}

# carried FROM TO APART
carried()
{
	local host
	move "$1" "$2" '^[05]$'
	is "h$1 to h$2: its clocks were carried" "$(receipt '(v["landing"]["lever"], v["landing"]["counters"]["result"])')" "('kvm', 'carried')" ||
		for host in A B; do
			note "$(emu_in $host journalctl -u clockferryd -n 12 -o cat --no-pager)"
		done
	is "... and nothing else was done to them" "$(receipt 'len(v["landing"]["steps"])')" 0
	is "... each vCPU's offset is what KVM's debugfs shows" "$(receipt 'set(r.get("agrees") for r in v["landing"]["counters"]["runs"])')" "{True}"
	is "... KVM's master clock is on" "$(receipt 'v["landing"]["counters"]["master_clock"]')" True
	is "... and what is read back may be off by nothing" "$(receipt '(lambda i: i["low_ns"] <= 0 <= i["high_ns"])(v["landing"]["counters"]["residual"])')" True
	bounds+=("$(receipt '(v["landing"]["counters"]["residual"]["high_ns"] - v["landing"]["counters"]["residual"]["low_ns"]) // 2')")
	labels+=("clockferry, kvm, hosts $3 s apart")
}

emu_up
for host in A B; do
	ok "h$host: before long doctor finds nothing that fails" wait_for 120 emu_in $host clockferry doctor
done
ok "a guest with ${EMU_CASE%%:*} vCPUs and ${EMU_CASE#*:} is defined" emu_define A g vcpus="${EMU_CASE%%:*}" clocksource="${EMU_CASE#*:}"
ok "it starts" emu_start A g
sleep 20
like "its host sees that the lever kvm is there" "$(emu_in A clockferry domain g)" 'lever +kvm'
like "... and that the other one has it" "$(emu_in A clockferry check g hB --require-lever kvm 2>&1; echo "status $?")" 'status 0'

# A limit that these hosts do not hold: it is cut, or called back at the gate; before the guest has stood still, perhaps.
move A B '^4$' --max-blackout 1s
is "it was given back to its host" "$(emu_virsh A domstate g)" running
if [ "$(receipt '"kept" in v')" = True ]; then
	is "... whose library kept its clocks" "$(receipt '(v["kept"]["lever"], v["kept"]["counters"]["result"])')" "('kvm', 'kept')"
	is "... and nothing else was done to them" "$(receipt 'len(v["kept"]["steps"])')" 0
	note "stood still for $(receipt 'v.get("source_lost")'); kept: $(receipt 'v["kept"]["counters"]')"
else
	skip "... whose library kept its clocks" "it had not stood still"
fi

ok "the hosts' clocks are $EMU_APART s apart" emu_skew "$EMU_APART"
ok "... and trusted" wait_for 120 emu_in A clockferry check g hB --require-lever kvm
carried A B "$EMU_APART"
ok "the hosts' clocks are together again" emu_skew 0
ok "... and trusted" wait_for 120 emu_in B clockferry check g hA --require-lever kvm
carried B A 0
ok "libvirt alone moves it" emu_migrate A B g
bounds+=(0) labels+=("virsh migrate")
sleep 15

[ ! "${EMU_TICKS:-}" ] || cp "$RIG_DIR/ticks-g" "$EMU_TICKS"
ok "the tick stream tells what its clocks lost" sh -c '"$1" "$2" >"$3"' sh "$srcdir/tests/emulated/clocks.py" "$RIG_DIR/ticks-g" "$RIG_DIR/verdict"
all="[$(IFS=,; echo "${bounds[*]}")]"
note "bounds by the receipts: $all ns; jitter: $(verdict 'v["jitter_ns"]'); silent for $(verdict '[c["gap_ns"] // 10**6 for c in v["changes"]]') ms"
note "lost $(verdict '[{who: {clock: tuple(round(x / 1e6, 3) for x in i.values()) for clock, i in lost.items()} for who, lost in c["lost_ns"].items()} for c in v["changes"]]') ms"
note "given back: $(verdict '[(c["gap_ns"] // 10**6, {who: {clock: tuple(round(x / 1e6, 3) for x in i.values()) for clock, i in lost.items()} for who, lost in c["lost_ns"].items()}) for c in v["pauses"]]')"
is "it changed hosts three times" "$(verdict 'len(v["changes"])')" 3
is "no clock that was carried lost more than its receipt's bound and the jitter" \
	"$(verdict "[(c['to'], who, clock) for c, b in list(zip(v['changes'], $all))[:2] for who, lost in c['lost_ns'].items() for clock, i in lost.items() if i['low_ns'] > b or i['high_ns'] < -b]")" "[]"
is "libvirt alone loses MONOTONIC, and it shows" "$(verdict 'v["changes"][2]["lost_ns"]["0"]["MONOTONIC"]["low_ns"] > 0')" True
is "none went back, and there was one copy at a time" "$(verdict 'v["back"] + v["rollbacks"] + v["two_copies"]')" "[]"
ok "its kernel trusts its clock as before" emu_trusts g "${EMU_CASE#*:}"
note "$("$srcdir/tests/emulated/clocks.py" "$RIG_DIR/ticks-g" "${labels[@]}")"
note "infrastructure: $emu_infrastructure boots tried again"
finish
