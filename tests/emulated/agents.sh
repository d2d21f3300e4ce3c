#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Two whole hosts with real KVM, whose agents carry a guest's clocks with the library in
# its QEMU: every policy of theirs requires the lever kvm.  Its ways, one after the other:
#
#	cut       called off in the blackout, or tried again
#	killed    the destination's agent dies when it is to let the guest run, which goes on at its source;
#	          for a build with --enable-faults
#	apart     there, the hosts' clocks being apart
#	together  back, with them together
#	foreign   there by libvirt alone: the agents see it, and carry its clocks as they do for their own
#	alone     back by libvirt, with no agent
#
# The outside tick stream is the judge.
#
# EMU_WAYS    which of them, in that order (default: all but killed)
# EMU_CASE    VCPUS:CLOCKSOURCE (default: 1:kvm-clock)
# EMU_APART   how far, in seconds (default: 0.5)
# EMU_PRELOAD domain: the library is loaded by the guest's own XML (default: host)
. "$srcdir/tests/emulated/emu.sh"
. "$srcdir/tests/emulated/carry.sh"
: "${EMU_CASE:=1:kvm-clock}" "${EMU_APART:=0.5}" "${EMU_PRELOAD:=host}" "${EMU_WAYS:=cut apart together foreign alone}"

fails_where_asked()
{
	"$builddir/tests/test-fault" --points 2>/dev/null | grep -q '^destination-obeyed-act$'
}

[ "$EMU_WAYS" != killed ] || fails_where_asked || skip_all "needs a build with --enable-faults"
requires_emu
[ -e "$builddir/libclockferry-kvm.so" ] || skip_all "libclockferry-kvm.so is not built for this machine"
rows=() bounds=() stays=0 here=A there=B most=0

receipt()
{
	pick "$1" <"$RIG_DIR/receipt"
}

verdict()
{
	emu_verdict g "$1"
}

# offset_known: what the bound of what is carried now may be at most, $most, in ns: half the width of the hosts' offset, as the
# agents know it before, and some for what the hosts' oscillators do from then on.
offset_known()
{
	local low high
	read -r low high < <(emu_offset "$here" "$there")
	most=$(((high - low) / 2 + 2000000))
}

# moved FROM TO [options]: $status and $RIG_DIR/receipt are what came of it, between $begun and $over.
moved()
{
	local from=$1 to=$2
	shift 2
	offset_known
	begun=$(rig_raw)
	emu_in "$from" clockferry migrate g "h$to" --require-lever kvm --json "$@" >"$RIG_DIR/receipt" 2>"$RIG_DIR/migrate.err"
	status=$?
	over=$(rig_raw)
	note "$(tail -n 5 "$RIG_DIR/migrate.err"; receipt '[v.get("migration", v).get(k) for k in ("reason", "detail", "findings")]')"
	note "$(emu_in "$from" clockferry show "$(receipt 'v.get("migration", {}).get("id")')" 2>&1 | sed -n '/^Blackout/,/^Host clocks/p' | grep -v '^Host clocks')"
	sleep 15
}

# move FROM TO STATUS [options]: ends with that, or, instead of 0, with a blackout that is longer than such hosts can hold.
move()
{
	local wanted=$3
	moved "$1" "$2" "${@:4}"
	if [ "$wanted$status" = 05 ]; then
		like "h$1 to h$2: nothing but its blackout is beyond policy" "$(receipt 'v["migration"]["reason"]')" "^the blackout was"
		return
	fi
	is "h$1 to h$2: it ends as it should" "$status" "$wanted"
}

# gone LABEL BOUND: it has changed hosts, and its clocks may have lost so much, in ns, or anything.
gone()
{
	rows+=("$1" "$2") bounds+=("$2")
	set -- "$there" "$here"
	here=$1 there=$2
}

# carried LABEL: and so it went.
carried()
{
	local way="h$here to h$there" host bound
	is "$way: its clocks were carried" "$(receipt '(v["landing"]["lever"], v["landing"]["counters"]["result"])')" "('kvm', 'carried')" ||
		for host in A B; do
			note "$(emu_in $host journalctl -u clockferryd -n 12 -o cat --no-pager)"
		done
	is "... and nothing else was done to them" "$(receipt 'len(v["landing"]["steps"])')" 0
	is "... each vCPU's offset is what KVM's debugfs shows" "$(receipt 'set(r.get("agrees") for r in v["landing"]["counters"]["runs"])')" "{True}"
	is "... KVM's master clock is on" "$(receipt 'v["landing"]["counters"]["master_clock"]')" True
	is "... and what is read back may be off by nothing" "$(receipt '(lambda i: i["low_ns"] <= 0 <= i["high_ns"])(v["landing"]["counters"]["residual"])')" True
	bound=$(receipt '(v["landing"]["counters"]["residual"]["high_ns"] - v["landing"]["counters"]["residual"]["low_ns"]) // 2')
	ok "... which is known to $bound ns, as well as the hosts' offset is" [ "$bound" -le "$most" ]
	gone "$1" "$bound"
}

# newest: the id of the last migration that $here has seen, or None; ended: is that one, $id, over?
newest()
{
	emu_in "$here" clockferry list --json | pick '(v.get("list") or [{}])[0].get("id")'
}

ended()
{
	emu_in "$here" clockferry show "$id" --json >"$RIG_DIR/receipt" && [ "$(receipt '"outcome" in v["migration"]')" = True ]
}

# stood: when and how long the guest did, by the receipt, as clocks.py is told.  Half of that has to show: its host hears of
# STOP and of RESUME late, and not equally so.
stood()
{
	local before after real
	before=$(rig_raw) real=$(emu_in "$here" date +%s%N) after=$(rig_raw)
	python3 - "$RIG_DIR/receipt" "$begun" "$over" "$(((before + after) / 2 - real))" <<-'P'
		import datetime, json, sys
		begun, over, ahead = map(int, sys.argv[2:])
		with open(sys.argv[1]) as file:
		    v = json.load(file)
		def raw(instant):
		    return round(datetime.datetime.fromisoformat(instant["real"].replace("Z", "+00:00")).timestamp() * 1e9) + ahead
		if "stop" in v and "resume" in v["kept"]:
		    begun, over = max(begun, raw(v["stop"]) - 10**9), min(over, raw(v["kept"]["resume"]) + 10**9)
		print(begun, over, max(10**8, v.get("source_lost", {"low_ns": 0})["low_ns"] // 2), sep=":")
	P
}

# given_back: it did not arrive, and runs on with its clocks where it was, after it had stood still.
given_back()
{
	is "it was given back to its host" "$(emu_virsh "$here" domstate g)" running
	is "... where it had stood still, and the library kept its clocks" "$(receipt '(v["kept"]["lever"], v["kept"]["counters"]["result"])')" "('kvm', 'kept')" || return
	is "... and nothing else was done to them" "$(receipt 'len(v["kept"]["steps"])')" 0
	note "stood still for $(receipt 'v.get("source_lost")'); kept: $(receipt 'v["kept"]["counters"]')"
	emu_stood+=(--stood "$(stood)")
	stays=$((stays + 1))
}

# A limit that these hosts do not hold: as a rule it is cut while the guest stands still.  One that was cut before says nothing
# of that, and one that arrived is as good as any.
way_cut()
{
	local try
	for try in 1 2 3; do
		moved "$here" "$there" --max-blackout 300ms
		case $status in
		0 | 5) carried "clockferry, kvm, not cut in time" ;;
		*) [ "$(receipt '"kept" in v')" != True ] || break ;;
		esac
		note "it was not cut while it stood still, try $try"
	done
	is "h$here to h$there: it is cut" "$status" 4
	given_back
}

way_killed()
{
	if ! fails_where_asked; then
		skip "the destination's agent dies" "needs a build with --enable-faults"
		return
	fi
	emu_in "$there" sh -c "echo 'destination-obeyed-act kill' >$emu_faults"
	move "$here" "$there" 4
	ok "h$there: its agent died when it was to let the guest run" emu_in "$there" test -e $emu_faults.fired
	given_back
}

way_apart()
{
	by_us "$EMU_APART"
}

way_together()
{
	by_us 0
}

# by_us SECONDS: the hosts' clocks are so far apart then.
by_us()
{
	ok "the hosts' clocks are $1 s apart" emu_skew "$1"
	ok "... and trusted" wait_for 120 emu_in "$here" clockferry check g "h$there" --require-lever kvm
	move "$here" "$there" 0
	carried "clockferry, kvm, hosts $1 s apart"
}

way_foreign()
{
	local before id
	before=$(newest)
	offset_known
	ok "libvirt alone moves it" emu_migrate "$here" "$there" g
	id=$(newest)
	ok "h$here has seen that" not [ "$id" = "$before" ]
	ok "... and has a receipt of it" wait_for 240 ended
	is "... which another manager drove" "$(receipt 'v["driver"]')" foreign
	note "$(emu_in "$here" clockferry show "$id" 2>&1)"
	carried "virsh migrate, agents look on"
}

way_alone()
{
	local host
	for host in A B; do
		ok "h$host has no agent any more" emu_in $host systemctl stop clockferryd
	done
	ok "libvirt alone moves it, and nobody looks on" emu_migrate "$here" "$there" g
	gone "virsh migrate, no agents" None
	sleep 15
}

# confined: AppArmor watches its QEMU, by a profile that is this guest's own.
confined()
{
	like "AppArmor confines its QEMU" "$(emu_in "$here" sh -c 'cat "/proc/$(cat /run/libvirt/qemu/g.pid)/attr/current"')" '^libvirt-[0-9a-f-]+ \(enforce\)$'
	like "... and libvirtd" "$(emu_in "$here" sh -c 'cat "/proc/$(pidof libvirtd)/attr/current"')" '^libvirtd \(enforce\)$'
}

emu_up
for host in A B; do
	ok "h$host: before long doctor finds nothing that fails" wait_for 120 emu_in $host clockferry doctor
done
ok "a guest with ${EMU_CASE%%:*} vCPUs and ${EMU_CASE#*:} is defined" emu_define A g vcpus="${EMU_CASE%%:*}" clocksource="${EMU_CASE#*:}"
ok "it starts" emu_start A g
sleep 20
[ "${EMU_APPARMOR:-0}" = 0 ] || confined
like "its host sees that the lever kvm is there" "$(emu_in A clockferry domain g)" 'lever +kvm'
like "... and that the other one has it" "$(emu_in A clockferry check g hB --require-lever kvm 2>&1; echo "status $?")" 'status 0'

for way in $EMU_WAYS; do
	[ ! "$(emu_dead)" ] || break
	"way_$way"
done

emu_keep g
emu_judge g "${EMU_CASE%%:*}" "${bounds[@]}"
note "given back: $(verdict '[(c["gap_ns"] // 10**6, c["told"], {who: {clock: tuple(round(x / 1e6, 3) for x in i.values()) for clock, i in lost.items()} for who, lost in c["lost_ns"].items()}) for c in v["pauses"]]')"
is "it stood still where it stayed as often as its hosts say, and it shows" "$(verdict '[c["told"] for c in v["pauses"]].count(True)')" "$stays"
is "libvirt alone loses MONOTONIC, and it shows" \
	"$(verdict "[c['to'] for c, b in zip(v['changes'], [$(IFS=,; echo "${bounds[*]}")]) if b is None and c['lost_ns']['0']['MONOTONIC']['low_ns'] <= 0]")" "[]"
is "who stood still where it stayed lost nothing" \
	"$(verdict "[(c['to'], who, clock) for c in v['pauses'] for who, lost in c['lost_ns'].items() for clock, i in lost.items() if i['low_ns'] > 0 or i['high_ns'] < 0]")" "[]"
is "none went back, and there was one copy at a time" "$(verdict 'v["back"] + v["rollbacks"] + v["two_copies"]')" "[]"
ok "its kernel trusts its clock as before" emu_trusts g
emu_table g "${rows[@]}"
note "infrastructure: $emu_infrastructure boots tried again"
finish
