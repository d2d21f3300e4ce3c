#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Guests move between two hosts whose clocks differ.  What the receipts say is held against
# the outside tick stream; then, whatever ends a migration before its time, the guest stays.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl script

# Two busy cores stop an emulated guest late, so that it stands before STOP is said.
slack='stop-slack = "100 ms"'
settings="$slack $(rig_policy '5 s' '10 s')"
receipts=()	# GUEST FILE SKEW-MS of each migration that landed, in order

# order NAME PHASES: do the phases that were said come in that order, and is one said twice only in a row?
order()
{
	sed -n 's/^\([a-z]*\)[,:] .*/\1/p; s/^\([a-z]*\)$/\1/p' "$RIG_DIR/$1" | grep -xE "${2// /|}" | uniq |
		paste -sd' ' | python3 -c 'import sys; said, all = input().split(), sys.argv[1].split()
print("in order" if said == [p for p in all if p in said] and len(said) > 2 else said)' "$2"
}

# moved ID GUEST FROM TO SKEW-MS: what holds of every migration that went well.
moved()
{
	local id=$1 guest=$2 from=$3 to=$4 skew=$5 file=$RIG_DIR/landed-${#receipts[@]}
	ok "$guest, $skew ms: both hosts have the same receipt" both_have "$id"
	cp "$RIG_DIR/receipt-A" "$file"
	receipts+=("$guest $file $skew")
	is "$guest, $skew ms: clean" "$(receipt 'v["migration"]["outcome"] + v["migration"]["reason"]')" clean
	is "$guest, $skew ms: the host offset at STOP has the true one inside" \
		"$(receipt "v['offset_during']['low_ns'] <= $skew * 10**6 <= v['offset_during']['high_ns']")" True
	is "$guest, $skew ms: it says who asked" "$(receipt 'v["migration"]["requester"]["name"]')" "uid 0 (root)"
	is "$guest, $skew ms: nothing is missing in it" "$(receipt 'v["unmeasured"]')" "[]"
	is "$guest, $skew ms: it runs on h$to" "$(rig_virsh "$to" domstate "$guest")" running
	ok "$guest, $skew ms: h$from knows it no longer" not rig_virsh "$from" domstate "$guest"
	for host in A B; do
		like "$guest, $skew ms: h$host has it in its list" "$(rig_clockferry $host list)" "^$id .* done +clean"
	done
}

# stays ID REASON: what holds of every migration that ended before its time; the guest is g, on hA.
stays()
{
	ok "both hosts have the same receipt" both_have "$1"
	like "it says why" "$(receipt 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" "^aborted: .*$2"
	is "hB has let it go" "$(phase B "$1")" dropped
	ok "and has no such domain" not rig_virsh B domstate g
}

# skew SECONDS FROM TO: B's clock from now on; returns when the agents are at ease with it.
skew()
{
	rig_faketime B "$1"
	ok "$1 s: nothing speaks against it" wait_for 30 rig_clockferry "$2" check g "h$3"
}

rig_faketime B +0 chrony
rig_up
rig_agents "$settings"
ok "a guest" rig_define A g
ok "and a second one, that is busy" rig_define A h mem=160 dirty=32 rate=20
rig_virsh A start h >&2
ok "both start" rig_start A g
ok "and the second one is up" wait_for 30 rig_virsh A domtime h

for host in A B; do
	ok "nothing fails that h$host needs" wait_for 20 rig_clockferry $host doctor
done

# One migration, asked for, watched and asked about in every way.

rig_tbf A 200mbit # or there would be no progress to see
id=$(cat /proc/sys/kernel/random/uuid)
wish='{"domain": "g", "destination": "hB"}'
is "a migration is accepted" "$(ask A PUT "/v1/migrations/$id" "$wish")" 202
started=$(pick 'v["started"]' <"$RIG_DIR/answer")
begin watch-A A watch "$id"
watch_a=$job
ok "the destination knows of it" wait_for 10 in_phase B "$id" 'leased|prepared|running|correcting|verifying|done'
begin watch-B B watch "$id"
watch_b=$job
is "the same request again" "$(ask A PUT "/v1/migrations/$id" "$wish")" 202
is "is the same migration" "$(pick 'v["started"]' <"$RIG_DIR/answer")" "$started"
is "another request under its id is none" "$(ask A PUT "/v1/migrations/$id" '{"domain": "h", "destination": "hB"}')" 409
is "which is a conflict" "$(pick 'v["code"]' <"$RIG_DIR/answer")" conflict
ok "it lands" wait_for 60 in_phase A "$id" 'landed|correcting|verifying'
is "then it is too late to abort it" "$(ask A DELETE "/v1/migrations/$id")" 409
is "and that is what is said" "$(pick 'v["code"]' <"$RIG_DIR/answer")" too-late
is "there is no receipt yet" "$(ask A GET "/v1/migrations/$id/receipt")" 409
wait "$watch_a"
is "who watched it on hA saw it end well" $? 0
wait "$watch_b"
is "and on hB" $? 0
rig_tbf A off
is "hA's phases" "$(order watch-A "checking reserved capturing copying paused landed correcting verifying done")" "in order"
is "hB's phases" "$(order watch-B "leased prepared running correcting verifying done")" "in order"
like "there was progress" "$(cat "$RIG_DIR/watch-A")" '^copying: .* left, .*/s, blackout .*5 s'
moved "$id" g A B 0
settings="$slack $(rig_policy '5 s')"
for host in A B; do
	rig_agent_conf $host "$settings"
	rig_agent $host reload
done

# The same at other skews, and on a terminal.

skew +0.02 B A
rig_in B script -qefc "env TERM=vt100 $builddir/clockferry migrate g hA" /var/log/terminal </dev/null >/dev/null 2>&1
is "20 ms ahead: exit status" $? 0
id=$(tr -d '\r' <"$RIG_DIR/B/log/terminal" | sed -n 's/^migration \([^:]*\):.*/\1/p')
moved "$id" g B A -20
is "on a terminal one line lives" \
	"$(python3 -c 'import re, sys; print(len(re.findall(rb"\r[a-z]+[:,]", open(sys.argv[1], "rb").read())) > 2)' \
		"$RIG_DIR/B/log/terminal")" True

skew -0.02 A B
rig_clockferry A migrate g hB --json >"$RIG_DIR/said"
is "20 ms behind: exit status" $? 0
moved "$(pick 'v["migration"]["id"]' <"$RIG_DIR/said")" g A B -20

skew +2 B A
begin back B migrate g hA
back=$job
begin forth A migrate h hB
wait $job
is "2 s ahead, one guest there: exit status" $? 0
wait $back
is "and one back at the same time: exit status" $? 0
moved "$(its_id forth)" h A B 2000
like "libvirt's figure has the 2 s in it" \
	"$(receipt 'v["libvirt_downtime_ns"] - 2 * 10**9 - v["blackout"]["low_ns"]')" '^-?[0-9]{1,9}$'
moved "$(its_id back)" g B A -2000
is "on the way back it drops its own and shows QEMU's, and we do not say that the 2 s are in it" \
	"$(receipt 'v["libvirt_downtime_ns"] <= v["blackout"]["high_ns"] and "libvirt_downtime_offset" not in v')" True

# What the tick streams say to all that.

for guest in g h; do
	rig_judge $guest >"$RIG_DIR/verdict-$guest"
	is "there were never two copies of $guest" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict-$guest")" "[]"
	note "$guest: jitter $(pick 'v["jitter_ns"]' <"$RIG_DIR/verdict-$guest") ns"
done

for n in "${!receipts[@]}"; do
	read -r guest _ ms <<<"${receipts[n]}"
	note "$guest, $ms ms: blackout $(truth "$n" 'ms(s)'), receipt $(truth "$n" 'ms(b)'), libvirt $(
		truth "$n" 'r.get("libvirt_downtime_ns", 0) // 10**6') ms, gap $(truth "$n" 'c["gap_ns"] // 10**6') ms"
	is "$guest, $ms ms: the blackout the stream saw is the receipt's" "$(truth "$n" 'meet(s, b)')" True
	is "$guest, $ms ms: which is no wider than what STOP and RESUME hide, and 60 ms" \
		"$(truth "$n" 'b["high_ns"] - b["low_ns"] - r["stop_slack_ns"] - r["landing"]["resume_slack_ns"] < 60 * 10**6')" True
	note "$guest, $ms ms: clock left wrong by $(truth "$n" 'ms(m)'), receipt $(truth "$n" 'ms(left)')"
	is "$guest, $ms ms: its clock is as right as the receipt says" "$(truth "$n" 'meet(m, left)')" True
done

# Two requests for one guest; and an end by the operator's word.

rig_tbf A 20mbit # what is copied is not there before it has been looked at
begin one A migrate g hB
one=$job
begin two A migrate g hB
two=$job
refused=
first_refused()
{
	refused=$(cd "$RIG_DIR" && grep -l '^refused' one two)
}
ok "of two migrations of one guest at once one is refused" wait_for 20 first_refused
[ "$refused" = one ] && { went=two pid=$two refused_pid=$one; } || { went=one pid=$one refused_pid=$two; }
wait "$refused_pid"
is "exit status" $? 3
like "because of the other" "$(cat "$RIG_DIR/$refused")" 'refuse +domain-migrating'
id=$(its_id $went)
ok "which goes on" wait_for 30 copies A "$id"

rig_in A curl -s -m 20 --unix-socket /run/clockferry/api.sock -o /dev/null -w '%{http_code}' \
	"http://localhost/v1/migrations/$id?after=999999999&wait=2s" >"$RIG_DIR/held" &
job=$!
sleep 0.5
ok "SIGHUP meanwhile" rig_agent A reload
wait $job
is "does not cost anybody an answer" "$(cat "$RIG_DIR/held")" 200
ok "nor the migration anything" in_phase A "$id" copying
ok "somebody aborts it" rig_clockferry A abort "$id"
wait "$pid"
is "exit status" $? 4
stays "$id" "aborted by uid 0"
is "the guest runs on hA" "$(rig_virsh A domstate g)" running

# Somebody pauses the guest.

begin paused A migrate g hB
paused=$job
id=$(its_id paused)
ok "another one" wait_for 30 copies A "$id"
before_pause=$(rig_raw)
ok "somebody pauses the guest" rig_virsh A suspend g
wait "$paused"
is "exit status" $? 4
stays "$id" "paused during the copy"
is "the guest is still paused" "$(rig_virsh A domstate g)" paused
ok "and can be resumed" rig_virsh A resume g
after_pause=$(rig_raw)

# The other side goes wrong.

begin killed A migrate g hB
killed=$job
id=$(its_id killed)
ok "another one" wait_for 30 copies A "$id"
ok "its QEMU on hB dies" rig_in B pkill -KILL -f guest=g,
wait "$killed"
is "exit status" $? 4
stays "$id" '(migration|incoming domain is gone)'
is "the guest runs on hA" "$(rig_virsh A domstate g)" running
rig_tbf A off

ok "hB has no libvirtd" rig_libvirtd B stop
ok "and its agent knows" wait_for 20 not rig_clockferry B domains
said=$(rig_clockferry A migrate g hB 2>&1)
is "exit status" $? 3
like "it says so" "$said" 'refuse +libvirt-unavailable: hB'
rig_libvirtd B start
ok "it has one again" wait_for 30 rig_clockferry B domains

# Without a gate libvirtd asks libvirtd.
sed -i 's,//%s/system,//%s:1/system,; s,driver = "auto",driver = "libvirt",' "$RIG_DIR/A/etc/clockferry/clockferryd.conf"
rig_agent A reload
begin astray A migrate g hB
wait "$job"
is "libvirtd is not where hA looks for it: exit status" $? 4
stays "$(its_id astray)" "unable to connect to server at 'hB:1'"
is "the guest runs on hA" "$(rig_virsh A domstate g)" running

# The agent ends, and comes again.

ok "the agent of hA ends" rig_agent A stop
rig_in A "$builddir/clockferryd" --config /etc/clockferry/clockferryd.conf </dev/null >>"$RIG_DIR/A/log/clockferryd" 2>&1 &
agent=$!
ok "and starts where it was" wait_for 20 rig_clockferry A version
rig_in A pkill -TERM -x clockferryd
wait $agent
is "SIGTERM: exit status" $? 0
ok "the socket is gone" not test -e "$RIG_DIR/A/run/clockferry/api.sock"

# elsewhere: the pauses in the stream but for the one somebody made.
rig_judge g >"$RIG_DIR/verdict-g"
note "pauses: $(pick 'v["pauses"]' <"$RIG_DIR/verdict-g")"
is "in all this the guest stood only while it was paused" \
	"$(pick "[p for p in v['pauses'] if not $before_pause < p['at_ns'] < $after_pause]" <"$RIG_DIR/verdict-g")" "[]"
is "which the stream saw" "$(pick 'len(v["pauses"]) > 0' <"$RIG_DIR/verdict-g")" True
is "there were never two copies of it" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict-g")" "[]"
finish
