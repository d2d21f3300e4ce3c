#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The guest's clock, carried: measured before, made right after, measured again,
# and every figure held against the outside tick stream.  Then guests whose agent
# is no good, or missing: what cannot be measured is told, and costs nobody else.
. "$srcdir/tests/rig/rig.sh"
requires_rig
. "$srcdir/tests/survivor.sh"

patience=2	# seconds for one call to a guest agent

# got GUEST EXPRESSION: Python over its last receipt r, the landing l in it, l's residuals s, and t,
# what the tick stream has for all that.
got()
{
	local truth=null
	[ ! -e "$RIG_DIR/$1.truth" ] || truth=$(cat "$RIG_DIR/$1.truth")
	printf '[%s, %s]' "$(cat "$RIG_DIR/$1.json")" "$truth" | pick "(lambda r, t, within, minus, far:
		(lambda l: (lambda s: ($2))(l and l['residuals']))(r.get('landing', r.get('kept'))))(*v,
		lambda a, b: a['low_ns'] <= b['high_ns'] and b['low_ns'] <= a['high_ns'],
		lambda a: {'low_ns': -a['high_ns'], 'high_ns': -a['low_ns']},
		lambda a: max(abs(a['low_ns']), abs(a['high_ns'])))" 2>&1 | tail -n 1
}

ticks()
{
	! grep -q '<cmdline>.* tick=0' "$RIG_DIR/$1.xml"
}

# move FROM TO GUEST: what came of it is in GUEST.json and GUEST.truth; how long it took, in ms, in GUEST.took.
move()
{
	local from=$1 to=$2 guest=$3 begun=${EPOCHREALTIME/./}
	local file=$RIG_DIR/$guest
	rm -f "$file.truth"
	rig_clockferry "$from" migrate "$guest" "h$to" --json >"$file.json" 2>"$file.err"
	echo $(((${EPOCHREALTIME/./} - begun) / 1000)) >"$file.took"
	case $(outcome "$guest") in
	clean | breached | unverified | aborted) ;;
	*) note "$guest: $(cat "$file.err")"; return ;;
	esac
	[ "$(got "$guest" 'l is not None')" = True ] && ticks "$guest" || return
	python3 "$srcdir/tests/rig/truth.py" "$RIG_DIR/tick-$guest.log" "$file.json" >"$file.truth.new" && mv "$file.truth.new" "$file.truth"
}

outcome()
{
	got "$1" 'r["migration"]["outcome"]'
}

# copies GUEST: is its memory under way?
copies()
{
	rig_virsh A domjobinfo "$1" | grep -q '^Memory remaining: *[1-9]'
}

# poll_begin, poll_end: both agents are asked all the time; then slowest_ms is the slowest answer, hung what hung at most.
poll_begin()
{
	local host
	for host in A B; do
		rm -f "$RIG_DIR/poll-$host" "$RIG_DIR/poll-$host.stop"
		rig_in $host python3 "$srcdir/tests/rig/poll.py" "$RIG_DIR/poll-$host" &
	done
}

poll_end()
{
	touch "$RIG_DIR/poll-A.stop" "$RIG_DIR/poll-B.stop"
	wait_for 70 test -e "$RIG_DIR/poll-A" -a -e "$RIG_DIR/poll-B" || { slowest_ms=99999 hung=-; return; }
	read -r slowest_ms hung <<<"$(python3 -c "import json, sys; v = [json.load(open(p)) for p in sys.argv[1:]]
print(max(p['slowest_ns'] for p in v) // 1000000 if min(p['asked'] for p in v) > 0 else 99999, max(p['hung_calls'] for p in v))" \
		"$RIG_DIR/poll-A" "$RIG_DIR/poll-B")"
}

# What holds of every guest whose clock could be measured.
measured()
{
	local guest=$1
	note "$guest: blackout $(got "$guest" 'r["blackout"]'), lag $(got "$guest" 'l["lag"]'), left at that: $(got "$guest" 'l["left"]')"
	note "$guest: residuals $(got "$guest" '[(x["after_ns"] // 10**6, x["residual"]["low_ns"] // 1000, x["residual"]["high_ns"] // 1000) for x in s]') (ms; us)"
	is "$guest: predicted and measured lag agree" "$(got "$guest" 'r["lag_surprising"]')" False
	is "$guest: the clock is read again a second and ten seconds later" \
		"$(got "$guest" 's[-2]["after_ns"] >= 10**9 and s[-1]["after_ns"] >= 10**10')" True
}

# What the tick stream knows better.
is_true()
{
	local guest=$1
	note "$guest: true residuals $(got "$guest" '[x["truth_ns"] // 1000 for x in t["residuals"]]') us, jitter $(got "$guest" 't["jitter_ns"]') ns, steps $(got "$guest" '[x["by_ns"] // 1000 for x in t["steps"]]') us"
	is "$guest: the true lag lies in what was measured" "$(got "$guest" 't["lag"]["inside"]')" True
	is "$guest: the true residual lies in what was measured, each time" \
		"$(got "$guest" 'all(x["inside"] for x in t["residuals"])')" True
	is "$guest: its clock never went back, or the receipt tells" \
		"$(got "$guest" 'not t["back"] or any("clock back" in x["why"] for x in l["steps"])')" True
	is "$guest: there was one copy at a time" "$(rig_judge "$guest" |
		python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["two_copies"] + v["rollbacks"])')" "[]"
}

is_right()
{
	local guest=$1
	is "$guest: the migration is clean" "$(outcome "$guest")" clean
	is "$guest: ... by setting the clock through its agent" "$(got "$guest" 'l["lever"], len(l["steps"]) > 0')" "('guest-agent', True)"
	is "$guest: ... to within policy, and that is known" \
		"$(got "$guest" '"corrected_after_ns" in l and far(s[-1]["residual"]) <= r["limits"]["max_residual_ns"]')" True
}

# bounded GUEST: by how much more than the healthy one it took; at most three calls are waited for.
bounded()
{
	local guest=$1 took
	took=$(cat "$RIG_DIR/$guest.took")
	note "$guest: took $((took - healthy_ms)) ms more than the healthy one"
	ok "$guest: it took at most three calls longer" test "$took" -lt $((healthy_ms + 3 * patience * 1000))
}

# look HOST GUEST: asks `clockferry domain`; then shown GUEST LABEL is what it says after that label.
look()
{
	rig_clockferry "$1" domain "$2" >"$RIG_DIR/$2.shown" 2>&1
}

shown()
{
	sed -n "s/^ *$2  *//p" "$RIG_DIR/$1.shown"
}

rig_faketime B +0.02 chrony
rig_up
# Two busy cores stop an emulated guest late, so that its clock stands before STOP is said; and its agent is slow.
settings=('stop-slack = "100 ms"' "guest { timeout = \"$patience s\" }"
	'policy "default" {' 'max-skew = "100 ms"' 'max-blackout = "30 s"' 'max-residual = "50 ms"')
for host in A B; do
	rig_agent_conf $host "${settings[@]}" '}'
	rig_agent $host start
done
rig_define A right && rig_define A ahead ahead=3600 clock="<clock offset='utc'><timer name='hpet' present='yes'/></clock>"
rig_define A busy dirty=48 rate=30
rig_define A nohwclock tick=0 nohwclock && rig_define A none tick=0 noagent
for guest in late never wrong absurd refuse; do
	rig_define A "$guest" tick=0 "agent=$guest"
done
rig_start_beside A right ahead
for guest in right ahead; do
	ok "$guest starts" rig_started $guest
done

# An hour ahead on purpose; the copy takes long enough to read its clock again meanwhile.

ok "a guest's clock can be looked at" look A ahead
like "... its offset" "$(shown ahead "guest offset")" '^\+(359[0-9]|360[0-9])\.[0-9]+ s \.\. \+(359[0-9]|360[0-9])\.[0-9]+ s: .*best of [0-9]+'
is "... what could correct it" "$(shown ahead lever)" guest-agent
like "... on what it runs" "$(shown ahead machine)" '^qemu, x86_64, pc-q35-[0-9.]+, QEMU [0-9]'
is "... its settings" "$(shown ahead '<clock>'), $(shown ahead '<timer>')" "offset utc, hpet, present yes"
is "... its counters, of which TCG tells nothing" "$(shown ahead 'vCPU counters')" "not known"
is "... and what speaks against migrating it" "$(shown ahead ahead:)" "nothing of its own speaks against migrating it"
# hours_ahead: its copy is slow enough for that.
hours_ahead()
{
	rig_tbf A 160mbit
	sleep 4 # the stream before STOP tells how well it knows the truth
	move A B ahead
	rig_tbf A off
	measured ahead
	is_true ahead
	is_right ahead
	is "ahead: its clock was read during the copy, and that is what was restored" \
		"$(got ahead 'r["guest_offset_before"]["at"]["real"] > [p["at"] for p in r["phases"] if p["phase"] == "copying"][0]')" True
	is "ahead: it is still an hour ahead" "$(rig_judge ahead | python3 -c 'import json, sys; print(3590 < json.load(sys.stdin)["clock"]["last_ns"] / 1e9 < 3610)')" True
}

# healthy: the measure for all that follow.
healthy()
{
	poll_begin
	move A B right
	poll_end
	measured right
	is_true right
	is_right right
	healthy_ms=$(cat "$RIG_DIR/right.took") control_ms=$slowest_ms
	note "right: took $healthy_ms ms, slowest answer of an agent meanwhile $control_ms ms"
	ok "right: both agents answered all the while" test "$control_ms" -lt 99999
	is "right: no call hung" "$hung" 0
}

# reported: back again, by a policy that says to report only.
reported()
{
	move B A right
	measured right
	is_true right
	is "right: nothing was done about it" "$(got right 'l["lever"], l["steps"]')" "('none', [])"
	is "right: ... and it is not called right" "$(got right '"corrected_after_ns" in l and l["lag"]["low_ns"] > r["limits"]["max_residual_ns"]')" False
	like "right: ... because policy says so" "$(got right 'l["left"]')" 'policy says to report it only'
	is "right: ... and it still lags by as much" "$(got right 'within(s[-1]["residual"], minus(l["lag"]))')" True
}

# anew HOST GUEST [WORD...]: another one in its place.
anew()
{
	gone "$2"
	rig_define "$@" && rig_start "$1" "$2"
	sleep 4 # of its stream
}

with_survivor ahead "anew A ahead ahead=3600" hours_ahead
with_survivor right "anew A right" healthy

rig_agent_conf A "${settings[@]}" 'correction = "report"' '}'
ok "a policy that only reports is taken" rig_agent A reload
with_survivor right "anew B right" reported
rig_agent_conf A "${settings[@]}" '}'
rig_agent A reload
rig_virsh A destroy right
rig_virsh B destroy ahead

# Nothing can be measured: none of these tells its time.

rig_start_beside A none nohwclock late never wrong absurd refuse
for guest in none nohwclock late never wrong absurd refuse; do
	ok "$guest starts" rig_started $guest
done
for guest in none late never absurd; do
	poll_begin
	move A B $guest
	poll_end
	is "$guest: it moved, and its clock is not called right" "$(outcome $guest)" unverified
	is "$guest: no figure of its clock is shown" \
		"$(got $guest '[k for k in ("guest_offset_before",) if k in r] + [k for k in ("lag", "corrected_after_ns") if k in l] + s + l["steps"]')" "[]"
	case $guest in
	none) why='the guest agent is not connected' ;;
	absurd) why='the guest agent says that it is|guest time:' ;;
	*) why='the guest agent did not answer in time' ;;
	esac
	like "$guest: why is told" "$(got $guest '"; ".join(l["unmeasured"])')" "lag: the guest's clock was not known at the source: ($why)"
	bounded $guest
	note "$guest: slowest answer of an agent meanwhile $slowest_ms ms"
	ok "$guest: neither agent kept anybody waiting" test "$slowest_ms" -lt $((control_ms + patience * 500))
	case $guest in
	late | never) ok "$guest: the call that hung was counted" test "$hung" -gt 0 ;;
	*) is "$guest: no call hung" "$hung" 0 ;;
	esac
	ok "$guest: it can be looked at" look B $guest
	like "$guest: ... which says why its clock is not known" "$(shown $guest "guest offset")" "^not measured: ($why)"
	is "$guest: ... and that nothing could correct it" "$(shown $guest lever)" none
	rig_virsh B destroy $guest
done

# Their clock can be read, and not be set.

# An agent that finds no hwclock says so: before it has touched the clock (QEMU 7.2), or when it has set it (from 9.1 on).
sets_first=$(($(/usr/sbin/qemu-ga --version | grep -oE '[0-9]+' | head -n 1) >= 9))
jobs=()
for guest in nohwclock wrong refuse; do
	move A B $guest &
	jobs+=($!)
	sleep 3
done
wait "${jobs[@]}"
for guest in nohwclock wrong refuse; do
	measured $guest
	if [ $guest = nohwclock ] && [ "$sets_first" = 1 ]; then
		is "$guest: the clock was set all the same, to within policy" \
			"$(got $guest 'far(s[-1]["residual"]) <= r["limits"]["max_residual_ns"]')" True
	else
		is "$guest: the clock is where it was" "$(got $guest 'within(s[-1]["residual"], minus(l["lag"]))')" True
	fi
	is "$guest: clean only if that is within policy" "$(outcome $guest)" \
		"$(got $guest '"clean" if far(s[-1]["residual"]) <= r["limits"]["max_residual_ns"] else "breached"')"
	is "$guest: it was tried twice at most, unless nothing was to be done" "$(got $guest 'len(l["steps"]) <= 2')" True
	is "$guest: what its agent said is told" \
		"$(got $guest "all(x['accepted'] == ('$guest' == 'wrong') and ('$guest' == 'wrong' or 'guest-set-time' in x['why']) for x in l['steps'])")" True
	bounded $guest
	rig_virsh B destroy $guest
done

# Called off during the copy: the guest never stood still, and nothing is said of its clock.

ok "busy starts" rig_start A busy
sleep 4
rig_tbf A 20mbit
move A B busy &
job=$!
ok "busy: its memory is under way" wait_for 30 copies busy
ok "busy: it is called off" rig_clockferry A abort "$(rig_clockferry A list --json | python3 -c 'import json, sys; print([m["id"] for m in json.load(sys.stdin)["list"] if m["phase"] == "copying"][0])')"
wait $job
is "busy: the attempt is aborted" "$(outcome busy)" aborted
is "busy: nothing was lost, and nothing is claimed" "$(got busy '[k for k in ("source_lost", "kept", "landing", "stop") if k in r]')" "[]"

# The switchover, undone: it has stood still, and goes on where it was.

rig_tbf A 160mbit
move A B busy &
job=$!
ok "busy: its memory is under way again" wait_for 60 eval 'rig_virsh A domjobinfo busy | grep -q "^Iteration: *[2-9]"'
rig_tbf A 40mbit
rig_virsh A migrate-setmaxdowntime busy 20000
ok "busy: it stands still, and memory still flows" wait_for 60 eval '[ "$(rig_virsh A domstate busy)" = paused ]'
rig_virsh B destroy busy
wait $job
rig_tbf A off
is "busy: the attempt is aborted" "$(outcome busy)" aborted
is "busy: it runs, where it was" "$(rig_virsh A domstate busy), $(rig_virsh B domstate busy 2>&1 | grep -c running)" "running, 0"
note "busy: lost $(got busy 'r.get("source_lost")'), left at that: $(got busy 'l["left"]')"
is "busy: the receipt says how long it stood still" "$(got busy '0 < r["source_lost"]["low_ns"] <= r["source_lost"]["high_ns"]')" True
is "busy: ... which is what its clock lost" "$(got busy 'within(r["source_lost"], l["lag"])')" True
is_true busy
is "busy: its clock is right again" "$(got busy 'l["lever"], "corrected_after_ns" in l')" "('guest-agent', True)"
is "busy: nothing is claimed of the other host" "$(got busy '"landing" in r')" False
id=$(got busy 'r["migration"]["id"]')
is "busy: the other host has the same receipt" \
	"$(rig_clockferry B show "$id" --json | python3 -c "import json, sys; v = json.load(sys.stdin); print(v['source_lost'] == json.load(open('$RIG_DIR/busy.json'))['source_lost'])")" True
no_call_hangs()
{
	[ "$(for host in A B; do rig_clockferry $host status --json; done | grep -c '"hung_calls": 0')" = 2 ]
}
ok "after all that no call hangs" wait_for 10 no_call_hangs
finish
