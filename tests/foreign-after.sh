#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The minute after a migration that somebody else drove: the guest's clock is looked at once more and tells its frequency,
# the guest is told by its real agent, in a file or by a program, and what has gone wrong since is put right where policy
# says that nobody else does, and is only reported where it does not.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/driven.sh"
. "$srcdir/tests/survivor.sh"
requires_rig
requires_command curl

lenient='max-blackout = "5 s" verify-until = "1 min"'

# inside HOST COMMAND [ARGUMENTS]: what the guest's agent returns.
inside()
{
	rig_virsh "$1" qemu-agent-command g "{\"execute\":\"$2\"${3:+,\"arguments\":{$3\}}}" | pick 'v["return"]'
}

# reads HOST PATH: a file of the guest's.
reads()
{
	local handle
	handle=$(inside "$1" guest-file-open "\"path\":\"$2\"") || return
	inside "$1" guest-file-read "\"handle\":$handle" | python3 -c 'import ast, base64, sys
print(base64.b64decode(ast.literal_eval(sys.stdin.read())["buf-b64"]).decode(), end="")'
	inside "$1" guest-file-close "\"handle\":$handle" >/dev/null
}

# program HOST PATH TEXT: is one in the guest from now on.
program()
{
	local handle
	handle=$(inside "$1" guest-file-open "\"path\":\"$2\",\"mode\":\"w\"") &&
		inside "$1" guest-file-write "\"handle\":$handle,\"buf-b64\":\"$(base64 -w0 <<<"$3")\"" &&
		inside "$1" guest-file-close "\"handle\":$handle" &&
		inside "$1" guest-exec "\"path\":\"/bin/chmod\",\"arg\":[\"755\",\"$2\"]"
}

# back HOST SECONDS: somebody in the guest sets its clock back.
back()
{
	inside "$1" guest-set-time "\"time\":$(($(inside "$1" guest-get-time) - $2 * 1000000000))"
}

# moved FROM TO: slowly enough for several readings before it stops; $id is it, and it is being verified.
moved()
{
	slowly "$1" "$2" 40 --p2p
	lands "$1" "$2"
}

# lands FROM TO: the one that was begun slowly.
lands()
{
	wait $virsh
	is "virsh moves it: exit status" $? 0
	rig_tbf "$1" off
	ok "its clock is looked after" wait_for 30 seen "$2" verifying
}

# over: the migration, and its receipt is there to be asked.
over()
{
	ok "it has ended on both hosts, a minute later" wait_for 120 both_ended $((before + 1))
	ok "both hosts have the same receipt" both_have "$id"
}

# anew HOST: another guest in its place.
anew()
{
	gone g
	rig_define "$1" g "${guest[@]}" && rig_start "$1" g && wait_for 120 both_ended "$(moves A)"
}

# counted COMMAND: a migration, of which there are $before already.
counted()
{
	before=$(moves A)
	$1
}

# marker HOST N: what /dev/vmclock0 of the guest says: magic, size, version, counter, time type, sequence, the disruption marker.
marker()
{
	local handle
	handle=$(inside "$1" guest-file-open '"path":"/dev/vmclock0","mode":"w"') &&
		inside "$1" guest-file-write "\"handle\":$handle,\"buf-b64\":\"$(python3 -c 'import base64, struct, sys
print(base64.b64encode(b"VCLK" + struct.pack("<IHBBIQ", 4096, 1, 1, 1, 2, int(sys.argv[1])) + bytes(64)).decode())' "$2")\"" &&
		inside "$1" guest-file-close "\"handle\":$handle"
}

# told SAID: is what the guest was told true to the receipt?
told()
{
	printf '%s\n' "$1" >"$RIG_DIR/said"
	python3 - "$RIG_DIR/said" "$RIG_DIR/receipt-A" <<-'P'
		import json, sys
		said, r = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
		print(said["migration"] == r["migration"]["id"], said["void_from"] == r["stop"]["real"] < said["void_until"],
		      said["residual"] in [x["residual"] for x in r["landing"]["residuals"]])
	P
}

driven_hosts "$lenient" 'notice = "file"'

# A QEMU that leaves out the device which it does not have: the guest's /dev/vmclock0 is made up.

for host in A B; do
	cat >"$RIG_DIR/$host/lib/qemu" <<-'Q'
		#!/bin/bash
		arguments=()
		while [ $# -gt 0 ]; do
			[ "$1 ${2:-}" = "-device vmclock" ] && shift || arguments+=("$1")
			shift
		done
		exec qemu-system-x86_64 "${arguments[@]}"
	Q
	chmod 755 "$RIG_DIR/$host/lib/qemu"
done
guest=(mem=128 extra='<emulator>/var/lib/qemu</emulator>'
	past="<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='vmclock'/></qemu:commandline>")
driven_guest "${guest[@]}"

# Told by a file, and looked at after a minute.
by_file()
{
	local said
	ok "its vmclock's marker is 5" marker A 5
	slowly A B 40 --p2p
	sleep 2
	ok "... and 6, as QEMU moves it when a guest comes in" marker A 6
	lands A B
	over
	like "show says that it has moved" "$(rig_clockferry B show "$id")" 'vmclock +its disruption marker moved, from 5 to 6'
	is "nobody of us drove it" "$(receipt 'v["driver"]')" foreign
	is "its clock was read at 1 s, 10 s and 60 s after RESUME" "$(receipt '[any(s <= x["after_ns"] / 10**9 < 6 * s for x in v["landing"]["residuals"])
		for s in (1, 10, 60)]')" "[True, True, True]"
	is "which tells its frequency with a bound" "$(receipt '"drift" in v["landing"] and v["landing"]["drift"]["bound_ppm"] > 0')" True
	note "drift $(receipt 'v["landing"].get("drift")'), frequency step $(receipt 'v.get("frequency_step")')"
	is "with what it was before, its step: none, between hosts that have one counter" \
		"$(receipt 'abs(v["frequency_step"]["ppm"]) <= v["frequency_step"]["bound_ppm"]')" True
	is "the guest was told in a file" "$(receipt 'v["landing"]["notice"]["how"], v["landing"]["notice"]["why"]')" "file "
	said=$(reads B /run/clockferry-notice)
	note "$said"
	is "... of this migration, from when to when its bound was void, and what was left" "$(told "$said")" "True True True"
	like "show says so" "$(rig_clockferry B show "$id")" 'notice +by file at RESUME'
}

# Told by a program, and put right again.
by_program()
{
	local said
	ok "the guest gets a program" program B /run/told $'#!/bin/sh\necho "$1" >>/run/what-was-said'
	moved B A
	sleep 12 # it has been looked at after ten seconds
	ok "somebody sets its clock back by 2 s" back A 2
	over
	is "it was put right once more, after a minute" "$(receipt 'v["landing"]["steps"][-1]["after_ns"] > 59 * 10**9,
		v["landing"]["steps"][-1]["by_ns"] > 10**9')" "True True"
	is "... and is within policy" "$(receipt 'v["migration"]["outcome"]')" clean
	said=$(reads A /run/what-was-said)
	note "$said"
	is "a program was told each time" "$(wc -l <<<"$said"), $(receipt 'v["landing"]["notice"]["how"], v["landing"]["notice"]["why"]')" "2, exec "
	is "... at last of what holds now" "$(told "$(tail -n 1 <<<"$said")")" "True True True"
}

only_reported()
{
	moved A B
	sleep 3
	ok "somebody sets its clock back by 2 s" back B 2
	over
	is "it is not put right" "$(receipt '[s for s in v["landing"]["steps"] if s["after_ns"] >= 10**10]')" "[]"
	is "... but seen" "$(receipt 'v["landing"]["residuals"][-1]["residual"]["high_ns"] < -10**9, v["migration"]["outcome"]')" "True breached"
}

with_survivor g "anew A" counted by_file
for host in A B; do
	rig_agent_conf $host "$(driven_policy "$lenient" 'notice = "exec" correct-again = yes')" 'guest { notice-path = "/run/told" }'
	rig_agent $host reload
done
with_survivor g "anew B" counted by_program
for host in A B; do
	rig_agent_conf $host "${settings/1 min/10 s}"
	rig_agent $host reload
done
with_survivor g "anew A" counted only_reported

rig_judge g >"$RIG_DIR/verdict-g"
is "there were never two copies" "$(pick 'v["two_copies"]' <"$RIG_DIR/verdict-g")" "[]"
finish
