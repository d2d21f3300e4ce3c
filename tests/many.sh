#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Several guests at once, in both directions, no more at a time than either host
# takes; those that have to wait; and a host that takes none.
. "$srcdir/tests/rig/rig.sh"
RIG_DRIVER=libvirt	# what is tried here is what libvirt does by itself
requires_rig
requires_command curl

settings=$(rig_policy '10 s' '10 s')

# shown HOST ID PATTERN: is that how it stands there?
shown()
{
	rig_clockferry "$1" show "$2" | grep -qE "$3"
}

# most SIDE RECEIPT...: how many of them were on their way at once, by that side's own clock.
most()
{
	python3 - "$@" <<-'P'
		import datetime, json, sys
		at = lambda t: int(datetime.datetime.fromisoformat(t[:19] + "+00:00").timestamp()) * 10**9 + int(t[20:29])
		first, last = {"source": ("checking", "paused"), "destination": ("leased", "prepared")}[sys.argv[1]]
		changes = []
		for path in sys.argv[2:]:
		    r = json.load(open(path))
		    phases = {p["phase"]: p for p in (r if sys.argv[1] == "source" else r["landing"])["phases"]}
		    changes.append((at(phases[first]["at"]), 1))
		    changes.append((at(phases[last]["at"]) + phases[last]["took_ns"], -1))
		n = most = 0
		for _, change in sorted(changes):
		    n += change
		    most = max(n, most)
		print(most)
	P
}

rig_up
rig_agents "$settings"
for guest in a1 a2 a3; do
	rig_define A $guest mem=128 tick=10 >/dev/null
	rig_virsh A start $guest >&2
done
for guest in b1 b2; do
	rig_define B $guest mem=128 tick=10 >/dev/null
	rig_virsh B start $guest >&2
done
for guest in a1 a2 a3 b1 b2; do
	ok "guest $guest is up" wait_for 90 rig_virsh "$(tr ab AB <<<"${guest:0:1}")" domtime $guest
done

# Two may leave; the third waits.

rig_tbf A 10mbit
rig_tbf B 10mbit
for guest in a1 a2 b1 b2; do
	begin $guest "$(tr ab AB <<<"${guest:0:1}")" migrate $guest "h$(tr ab BA <<<"${guest:0:1}")"
	jobs[${#jobs[@]}]=$job
done
ok "two of hA's are on their way" wait_for 30 copies A "$(its_id a1)"
ok "both of them" wait_for 30 copies A "$(its_id a2)"

begin waiting A migrate a3 hB --priority -5
waiting=$job
id=$(its_id waiting)
ok "a third one waits" wait_for 10 shown A "$id" '^a3, from hA to hB: queued, 0 before it$'
like "as who asked for it is told" "$(cat "$RIG_DIR/waiting")" '^queued, 0 before it'
like "and as the list has it" "$(rig_clockferry A list)" "^$id .* queued, 0 before it "
like "and health" "$(rig_clockferry A status)" '^  migrations +4 under way, 1 queued'
is "hB knows nothing of it" "$(ask B GET "/v1/migrations/$id")" 404
rig_clockferry A migrate a3 hB >"$RIG_DIR/second"
is "another one of that guest: exit status" $? 3
like "because of the first" "$(cat "$RIG_DIR/second")" 'refuse +domain-migrating'
ok "one that waits can be aborted" rig_clockferry A abort "$id"
wait "$waiting"
is "exit status" $? 4
like "its receipt says by whom" "$(rig_clockferry A show "$id" --json | pick 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]')" \
	'^aborted: aborted by uid 0'
like "the guest has felt nothing" "$(rig_virsh A domstate --reason a3)" 'running \(booted\)'

begin a3 A migrate a3 hB --priority 5
jobs[${#jobs[@]}]=$job
ok "it waits again" wait_for 10 shown A "$(its_id a3)" 'queued, 0 before it$'
rig_tbf A off
rig_tbf B off
for job in "${jobs[@]}"; do
	wait "$job"
	is "one of the five is done: exit status" $? 0
done

leave_A=() leave_B=()
for guest in a1 a2 a3 b1 b2; do
	ok "$guest: both hosts have the same receipt" both_have "$(its_id $guest)"
	cp "$RIG_DIR/receipt-A" "$RIG_DIR/of-$guest"
	is "$guest: clean" "$(receipt 'v["migration"]["outcome"] + v["migration"]["reason"]')" clean
	case $guest in
	a*) from=A to=B leave_A+=("$RIG_DIR/of-$guest") ;;
	b*) from=B to=A leave_B+=("$RIG_DIR/of-$guest") ;;
	esac
	is "$guest: it runs on h$to" "$(rig_virsh $to domstate $guest)" running
	ok "$guest: h$from knows it no longer" not rig_virsh $from domstate $guest
done
is "never more than two left hA, and at times so many" "$(most source "${leave_A[@]}")" 2
is "nor did more come to hB" "$(most destination "${leave_A[@]}")" 2
is "hB's two were on their way at once" "$(most source "${leave_B[@]}")" 2
for guest in a1 a2 a3 b1 b2; do
	rig_judge $guest >"$RIG_DIR/verdict"
	is "there were never two copies of $guest" "$(pick 'v["two_copies"] + v["rollbacks"]' <"$RIG_DIR/verdict")" "[]"
done

# A destination without room is waited for.

rig_agent_conf A "$settings" 'incoming = 0'
rig_agent A reload
ok "hA takes none any more" wait_for 10 not rig_clockferry B check a1 hA
begin back B migrate a1 hA
back=$job
id=$(its_id back)
ok "who wants to go there waits, and is told why" wait_for 10 shown B "$id" '^a1, from hB to hA: queued, 0 before it: hA: .*takes no more'
rig_clockferry B migrate a2 hA --wait 0s >"$RIG_DIR/impatient" 2>&1
is "who would not wait is turned away: exit status" $? 4
like "and told why" "$(cat "$RIG_DIR/impatient")" 'its turn did not come within 0 s'
ok "the first one waits on" in_phase B "$id" 'queued|checking'
rig_agent_conf A "$settings" 'incoming = 1'
rig_agent A reload
wait "$back"
is "with room again it goes: exit status" $? 0
ok "both hosts have the same receipt" both_have "$id"
is "it was checked more than once and waited once more for it" \
	"$(receipt 'sorted(p["phase"] for p in v["phases"] if p["phase"] in ("queued", "checking"))')" "['checking', 'queued']"

# A host that is to come to rest.

like "hB is told to take no more" "$(rig_clockferry B quiesce)" '^hB takes no new migrations$'
rig_clockferry B status >"$RIG_DIR/status"
is "it is not as it should be" $? 1
like "and says so" "$(cat "$RIG_DIR/status")" '^  quiescing +takes no new migrations'
rig_clockferry A migrate a1 hB >"$RIG_DIR/refused"
is "nothing comes in: exit status" $? 3
like "and that is why" "$(cat "$RIG_DIR/refused")" 'refuse +quiescing: hB'
said=$(rig_clockferry B migrate a3 hA 2>&1)
is "nor does anything leave: exit status" $? 1
like "it says why" "$said" 'hB takes no new migrations: it is quiescing'
is "which the API calls so" "$(ask B PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" '{"domain": "a3", "destination": "hA"}')" 503
is "by a code" "$(pick 'v["code"]' <"$RIG_DIR/answer")" quiescing
ok "that is taken back" rig_clockferry B quiesce --off
ok "and all is as before" rig_clockferry A check a1 hB
finish
