# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The story of ./demo --faults: three times something fails while a guest stands still between two
# hosts, and each time it runs on, once.  The agents are built to fail where they are asked
# to (daemon/fault.h): a moment of some milliseconds is hit by nobody's hand.

RIG_SILENCE="2 s"	# nobody here wants to wait for longer

# ask_fault HOST POINT kill: that agent ends itself there, as if by kill -9.
ask_fault()
{
	rm -f "$RIG_DIR/$1/log"/faults*
	echo "$2 $3" >"$RIG_DIR/$1/log/faults"
}

fired()
{
	[ -e "$RIG_DIR/$1/log/faults.fired" ]
}

# unplug_at POINT: hB's cable, as soon as hA's agent has been there; in the background.
unplug_at()
{
	local r
	r=$(rig_pid R)
	rm -f "$RIG_DIR/A/log"/faults*
	# shellcheck disable=SC2016 # that shell's
	nsenter -t "$r" -n -- bash -c 'until grep -qs "^$2\$" "$1"; do sleep 0.002; done; exec ip link set toB down' \
		sh "$RIG_DIR/A/log/faults.reached" "$1" &
	unplugging=$!
}

plug_in()
{
	wait $unplugging
	nsenter -t "$(rig_pid R)" -n ip link set toB up
}

# set_out: the guest, from hA to hB; come_in: the command is over.
set_out()
{
	prompt A clockferry migrate $guest hB
	begin said A migrate $guest hB
	id=$(its_id said)
	[ "$id" ] || { cat "$RIG_DIR/said"; fail "it did not begin"; }
}

# What the command said before the receipt.
come_in()
{
	wait $job
	status=$?
	sed '/^clean:\|^aborted:\|^unverified:\|^breached:/,$d' "$RIG_DIR/said" | sed -n '1p;$p' | uniq
	printf '(exit status %d)\n' $status
}

ended()
{
	both_have "$id"
}

# told: what both hosts have of it in the end, shortened.
told()
{
	prompt "$1" clockferry show "$id"
	rig_clockferry "$1" show "$id" | sed -n '1,/^$/p' | grep -v '^$'
	rig_clockferry "$1" show "$id" | grep -E '^  (stood still|gated|decided|word|residual|right again)' | head -n 6
}

# seen SINCE: by a third party, from that line of the tick stream on.
seen()
{
	tail -n "+$1" "$RIG_DIR/tick-$guest.log" >"$RIG_DIR/ticks"
	python3 - "$RIG_DIR/ticks" <<-'P'
		import sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, "tests/rig")
		import judge

		lines, bad = judge.read(sys.argv[1])
		hosts = [lines[0].host] + [b.host for a, b in zip(lines, lines[1:]) if a.host != b.host]
		before, after = judge.clock_error(lines[:judge.CLOCK]), judge.clock_error(lines[-judge.CLOCK:])
		longest = max(b.raw - a.raw for a, b in zip(lines, lines[1:]))
		print("  it ran on          " + ", then on ".join("h" + host for host in hosts))
		print(f"  silent for         {longest / 1e6:.0f} ms at most")
		print(f"  its clock moved    {(after - before) / 1e6:+.1f} ms")
		told = judge.remembered(lines)
		wrong = judge.doubles(told) or judge.rollbacks(told)
		print(f"  two copies, or one that went back: {'yes!' if wrong else 'never'}")
		if wrong:
		    sys.exit(1)
	P
}

so_far()
{
	wc -l <"$RIG_DIR/tick-$guest.log"
}

# runs_on HOST: there and nowhere else.
runs_on()
{
	local other=A
	[ "$1" = B ] || other=B
	[ "$(rig_virsh "$1" domstate $guest 2>/dev/null)" = running ] && ! rig_virsh $other dominfo $guest >/dev/null 2>&1
}

# after SINCE HOST: the end of each chapter.
after()
{
	wait_for 40 ended || fail "the two hosts do not have the same receipt"
	wait_for 20 runs_on "$2" || fail "the guest does not run on h$2, and there alone"
	sleep 2
	told "$2"
	tell <<<"Both hosts have that receipt.  What hR saw of the guest meanwhile, from outside:"
	echo
	seen "$1" || fail "that should not have been"
}

agent_dies_at_gate()
{
	local since
	chapter "1. The source's agent dies at the gate"
	tell <<-T
		$guest migrates to hB.  All of its memory is there, on hA it stands still, and on hB it does not run yet: that is
		the gate.  In this moment the agent of hA, whose word it waits for, is killed with kill -9.
	T
	since=$(so_far)
	ask_fault A source-loaded-act kill
	set_out
	wait_for 60 fired A || fail "the agent of hA was not killed"
	rig_agent A start || fail "the agent of hA does not start"
	come_in
	tell <<-T
		systemd starts it again at once; so was it done here.  In a page that outlived it stands that no word was sent
		which would let the guest run on hB.  So it runs on here, and gets back the time that it lost.
	T
	after "$since" A
}

cable_is_cut()
{
	local since
	chapter "2. The network breaks while the guest stands still"
	tell <<-T
		Once more.  As soon as the guest stands still on hA, the cable of hB is pulled: the last of its memory never arrives,
		and neither does any word.  The guest may stand still for at most 1 s.
	T
	wait_for 40 rig_clockferry A check $guest hB || fail "the gate did not open again"
	since=$(so_far)
	unplug_at source-paused-act
	set_out
	come_in
	plug_in
	[ $status = 4 ] || fail "it was not aborted: the cable was pulled too late. A busy machine?"
	tell <<-T
		hA's watchdog needs no network and no libvirtd for this: it cut QEMU's connection before the limit was reached, and
		QEMU ran the guest on.  The cable is in again.
	T
	after "$since" A
}

agent_dies_after_commit()
{
	local since
	chapter "3. The destination's agent dies when it has let the guest run"
	tell <<-T
		The third time hA says the word, and the guest runs on hB.  But the agent there is killed before it can say so.
	T
	wait_for 40 rig_clockferry A check $guest hB || fail "the gate did not open again"
	since=$(so_far)
	ask_fault B finish-after kill
	set_out
	wait_for 60 fired B || fail "the agent of hB was not killed"
	wait_for 20 in_phase A "$id" in-doubt || fail "hA is not in doubt"
	type_at A list
	tell <<-T
		The guest may run there, and it may not: hA cannot know, so its copy stands still, however long it takes.  What is
		never done is to guess.  Now the agent of hB comes back, and looks.
	T
	rig_agent B start || fail "the agent of hB does not start"
	come_in
	after "$since" B
}

story()
{
	agent_dies_at_gate
	cable_is_cut
	agent_dies_after_commit
}
