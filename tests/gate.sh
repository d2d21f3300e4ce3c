#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The gate on real hosts.  Each finding that two hosts on one machine can be
# brought to is brought about, and then seen by everybody who may ask:
# `clockferry check`, POST /v1/checks, and, where it refuses, `clockferry
# migrate` and PUT /v1/migrations, which leave no trace.  Then the gate is
# closed in the middle of a copy.
. "$srcdir/tests/rig/rig.sh"
RIG_PROBE="2 s"	# one that hangs is asked again and again
requires_rig
requires_command curl

. "$srcdir/tests/gate-asks.sh"

shared_memory="<shmem name='s' role='peer'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"
nova="<metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>"
past='libvirt { accept-passthrough = yes }'
uuid=11111111-2222-4333-8444-555555555555

rig_faketime B +0
rig_up
rig_agents 'guest { timeout = "1 s" }'
rig_define A g uuid=$uuid mem=128 >/dev/null
rig_define A w mem=128 past="<qemu:commandline><qemu:env name='A' value='1'/></qemu:commandline>" >/dev/null
rig_define A odd mem=128 tick=0 agent=never extra="$shared_memory" \
	clock="$nova<clock offset='utc'><timer name='rtc' track='guest'/></clock>" >/dev/null
rig_define A bare mem=128 tick=0 noagent clock="$nova<clock offset='utc'/>" >/dev/null
rig_define A idle mem=128 >/dev/null
rig_define A busy dirty=64 rate=200 >/dev/null
rig_start_beside A g w odd bare
for guest in g w odd bare; do
	ok "guest $guest starts" rig_started $guest
done
wait_for 20 clock_is A synchronised
clock B synchronised

# --- two good hosts ---

allowed "two good hosts" g hB
note "a check took: $( { TIMEFORMAT=%Rs; time rig_clockferry A check g hB >/dev/null; } 2>&1)"
read -r unsync tai <<<"$(kernel_says)"
for host in hA hB; do
	is "$host's kernel-unsync warns if the kernel says so" \
		"$(grep -cx "kernel-unsync $host warn -" "$answers/check.list")" "$unsync"
	is "$host's tai-unknown warns if the kernel knows none" \
		"$(grep -cx "tai-unknown $host warn -" "$answers/check.list")" $((tai == 0))
done
is "and there is nothing else" "$(grep -cv '^kernel-unsync\|^tai-unknown' "$answers/check.list")" 0
ok "check prints it for a person" eval 'rig_clockferry A check g hB >"$answers/text"'
like "... as a table" "$(cat "$answers/text")" '^hB +yes '

# --- severities: the higher of both hosts' ---

if [ "$unsync" = 1 ]; then
	settle A 'off = { "kernel-unsync", "tai-unknown" }'
	allowed "one host silences what the other wants to hear" g hB "kernel-unsync hA warn -"
	settle B 'off = { "kernel-unsync", "tai-unknown" }'
	allowed "both silence it" g hB
	is "... so nothing is left to say" "$(cat "$answers/check.list")" ""
	settle B 'refuse = { "kernel-unsync" }'
	refused "one host refuses what the other silences" g hB "kernel-unsync hA refuse -" "kernel-unsync hB refuse -"
else
	skip "severities of both hosts" "this kernel's clock is synchronised"
fi

# --- every blocker at once, the stricter limit, and whose it is ---

settle A 'max-skew = "1 us" require-lever = guest-agent'
settle B 'max-error-bound = "1 us" require-lever = none'
rig_virsh A qemu-monitor-event --loop --domain g >"$answers/events" &
watcher=$!
began=$(rig_raw)
refused "a guest with everything against it" odd hB \
	"skew hA->hB refuse hA" "error-bound hA refuse hB" "error-bound hB refuse hB" \
	"domain-not-migratable odd refuse -" "managed-elsewhere odd warn -" "rtc-clock-vm odd warn -" \
	"lever-missing odd refuse hA" "guest-agent-silent odd warn -" "guest-clock-unknown odd warn -"
refused "a guest without an agent where one is required" bare hB "lever-missing bare refuse hA" \
	"guest-agent-silent bare warn -" "guest-clock-unknown bare warn -"
refused "limits alone" g hB "skew hA->hB refuse hA" "error-bound hA refuse hB" "error-bound hB refuse hB"
like "the reason names host, figure and limit" "$(member "$answers/put" 'v["detail"]')" \
	'^hA: .*0 s \.\. .*, limit 1 us \(hB\); and 2 more$'
settle A ''
settle B ''
allowed "a guest without an agent where none is required, and of a manager that may be who asks" bare hB \
	"guest-agent-silent bare warn -" "guest-clock-unknown bare warn -" "managed-elsewhere bare warn -"

# --- the domain ---

refused "a domain that is not there" nobody hB "domain-unknown nobody refuse -"
refused "a domain that does not run" idle hB "domain-not-running idle refuse -"
rig_virsh A suspend bare
refused "a domain that is paused" bare hB "domain-not-running bare refuse -"
rig_virsh A resume bare
rig_define B g uuid=$uuid mem=64 tick=0 >/dev/null
allowed "the same domain, defined there" g hB
rig_virsh B start --paused g
refused "the same domain, active there" g hB "domain-exists-there g refuse -"
rig_virsh B destroy g
rig_virsh B undefine g
rig_define B g mem=64 tick=0 >/dev/null
refused "another domain of that name there" g hB "domain-exists-there g refuse -"
rig_virsh B undefine g

refused "one that has something for QEMU's command line" w hB "domain-not-migratable w refuse -"
like "... which its destination does not take" "$(member "$answers/put" 'v["detail"]')" 'hB lets in nothing for QEMU.s command line'
settle B '' "$past"
allowed "... unless its settings say so" w hB
settle B ''

# --- the peer ---

refused "the same host" g hA "same-host hA refuse -"
refused "the same host by another name" g 10.99.0.1 "same-host 10.99.0.1 refuse -"
refused "a host that nobody knows" odd nowhere "peer-unreachable nowhere refuse -" "managed-elsewhere odd warn -"
refused "what is no host name" g 'h B' "peer-unreachable hB refuse -"
rig_agent B freeze
refused "an agent that hangs" g hB "peer-unreachable hB refuse -"
rig_agent B thaw

for certificate in expired early; do
	rig_certificate B $certificate
	settle B ''
	refused "a certificate that is $certificate" g hB "clock-or-certificate-time hB refuse -"
done
like "... and the times are told" "$(member "$answers/put" 'v["detail"]')" 'valid from .* to .*, and the clock of this host says'
rig_certificate B other
settle B ''
refused "another CA's certificate" g hB "peer-unreachable hB refuse -"
rig_certificate B
settle B ''
rig_certificate A stranger
settle A ''
refused "a certificate that no rule names" g hB "peer-denied hB refuse -"
rig_certificate A
settle A ''

mkdir "$answers/fake"
printf '{"host": "hR", "agent": "9.0", "major": 2, "minor": 0}' >"$answers/fake/version"
echo "GET /v1/version 200 json version" >"$answers/fake/script"
rig_in R python3 "$srcdir/tests/fake-agent.py" "$answers/fake" 10.99.0.254 "$answers/fake/port" \
	"$RIG_CACHE/pki/hR.pem" "$RIG_CACHE/pki/hR.key" "$RIG_CACHE/pki/ca.pem" 2>/dev/null &
fake=$!
wait_for 20 test -e "$answers/fake/port"
settle A '' "peer \"hR\" { port = $(cat "$answers/fake/port") }"
refused "an agent of another major version" g hR "peer-version hR refuse -"

rig_clockferry A check g hB hR hA --json >"$answers/check"
is "a list of destinations with one that is refused is refused" $? 3
is "... and each is answered, in that order" \
	"$(member "$answers/check" '[(c["destination"], c["allowed"]) for c in v["list"]]')" \
	"[('hB', True), ('hR', False), ('hA', False)]"
rig_clockferry A check g --json >"$answers/check"
is "without a destination all known hosts are asked" $? 3
is "... each of them" "$(member "$answers/check" 'sorted((c["destination"], c["allowed"]) for c in v["list"])')" \
	"[('hB', True), ('hR', False)]"
kill $fake
settle A ''

# --- libvirt, and a clock that loses its source ---

rig_chrony B stop
rig_libvirtd B kill
wait_for 10 not rig_clockferry B domains
refused "no libvirt at the destination" g hB "libvirt-unavailable hB refuse -"
rig_libvirtd B start
wait_for 30 rig_virsh B version
clock B holdover
wait_for 30 rig_clockferry A check g hB
allowed "a destination that lost its source lately" g hB "clock-holdover hB warn hA"
settle A 'holdover-max = "1 s"'
refused "... too long ago for the source" g hB "clock-holdover hB refuse hA"
settle A ''
settle B 'holdover-max = "1 s"'
refused "... and for itself" g hB "clock-unsynchronised hB refuse -"
settle B ''
rig_chrony B start
clock B synchronised

# Nobody touched the guest in all of this: libvirtd's word, and the stream beside that of a guest that nobody asked about.
ended=$(rig_raw)
kill $watcher
is "the refusals neither stopped nor copied the guest" "$(grep -cE 'STOP|RESUME|MIGRATION' "$answers/events")" 0
is "... nor did its clock stand still, by its stream" \
	"$(rig_judge g | pick "[p for p in v['pauses'] if $began < p['at_ns'] < $ended]")" "[]"

rig_libvirtd A kill # not stop, which waits for the guest agent that never answers
wait_for 10 not rig_clockferry A domains
refused "no libvirt at the source" g hB "libvirt-unavailable hA refuse -"
rig_libvirtd A start
wait_for 30 rig_virsh A version
wait_for 30 rig_clockferry A check g hB

# --- a clock that is wrong ---

# Its chronyd sees the true clock: it finds nothing wrong while everything else there is 2 s ahead.
rig_faketime B +2
wait_for 60 not_stepped B
refused "a clock that is ahead and does not know it" g hB "clock-contradiction hA->hB refuse -" "skew hA->hB refuse hA"
ok "... the skew is measured as what it is" eval \
	'member "$answers/check" "[f[\"measured\"] for f in v[\"list\"][0][\"findings\"] if f[\"code\"] == \"skew\"][0]" |
	python3 -c "v = eval(input()); assert v[\"low_ns\"] <= 2e9 <= v[\"high_ns\"], v"'
rig_faketime B -5
clock B untrusted
refused "a chronyd that speaks of the future" g hB "clock-untrusted hB refuse -"
rig_faketime B +0

# And now it sees the same clock as the others, and says so.
: >"$RIG_DIR/B/faked-chrony"
rig_chrony B restart
rig_clock_wait B
rig_agent B restart
clock B synchronised
allowed "a clock that is right again" g hB
rig_faketime B +2
clock B synchronised
refused "a clock that was stepped" g hB "clock-stepped hB refuse -" "skew hA->hB refuse hA" "error-bound hB refuse hA"
rig_agent B restart
clock B synchronised
wide='max-error-bound = "10 s"'
settle A "$wide"
settle B "$wide"
refused "a clock that is ahead and knows it" g hB "skew hA->hB refuse hA"
is "... is nothing but skew" "$(grep -c refuse "$answers/check.list")" 1
roomy='max-blackout = "1 min" max-residual = "1 s" verify-until = "1 s"' # the guest is emulated, by a machine that may be busy
settle A "$wide $roomy warn = { \"skew\" }"
refused "skew that one host forgives" g hB "skew hA->hB refuse hA"
settle B "$wide $roomy warn = { \"skew\" }" "$past"
allowed "skew that both forgive" g hB "skew hA->hB warn hA"
rig_virsh A start busy
ok "... and so it migrates" eval 'rig_clockferry A migrate w hB --json >"$answers/receipt"'
is "the receipt tells of it" \
	"$(member "$answers/receipt" '[(f["code"], f["severity"]) for f in v["migration"]["findings"] if f["code"] == "skew"]')" \
	"[('skew', 'warn')]"

# The first migration predicts the next ones.
settle A "$wide warn = { \"skew\" } max-blackout = \"1 ms\""
refused "a blackout that will be too long" g hB "blackout-predicted g refuse hA"
like "check shows the prediction" "$(rig_clockferry A check g hB)" '^hB +no .* [0-9.]+ m?s +1 ms +guest-agent$'

# --- the gate closes during the copy ---

# B's clock is right again, and its chronyd looks at another one
rm "$RIG_DIR/B/faked-chrony"
rig_faketime B +0
rig_chrony B restart
rig_clock_wait B
rig_agent B restart
clock B synchronised
wait_for 30 grep -q BOOTED "$RIG_DIR/A/log/console-busy"
rig_tbf A 100mbit

settle A 'gate-grace = "3 s"'
settle B 'holdover-max = "1 s"'
ok "a busy guest is copied" copy
wait_for 60 aims_at 1 & # which it does for three seconds
aiming=$!
rig_chrony B kill
ask busy hB
is "a guest that is being copied: check says no" $status 3
list hB check
expect "domain-migrating busy refuse -"
rig_clockferry A migrate busy hB >"$answers/second"
is "... and a second migration is refused" $? 3
wait $aiming
result $? "while the gate is closed QEMU is to aim at 1 ms"
ended "a destination that loses its source for longer than gate-grace ends it" \
	"^the gate closed during the copy: (hB: the host's clock follows no source|hA: the host's clock lost its source)"
# On a busy machine hA's chronyd, too, accepts no update for a second; of hB's there is none any more.
is "... and the receipt lists it" \
	"$(member "$answers/aborted" '[f["severity"] for f in v["migration"]["findings"] if f["code"] == "clock-unsynchronised"]')" \
	"['refuse']"
rig_chrony B start
clock B synchronised

settle A 'gate-grace = "1 h"'
settle B 'gate-grace = "1 h"'
ok "it is copied again" copy
rig_faketime B +2
ended "a step at the destination ends it, whatever gate-grace" \
	"^the gate closed during the copy: (hB: the host's clock was set|hB: what is known of the host's clock contradicts|hA -> hB: the measured offset is larger)"
rig_faketime B +0
wait_for 60 not_stepped B
clock B synchronised

forgiven='warn = { "skew", "clock-stepped", "clock-contradiction" } gate-grace = "1 h"'
settle A "$forgiven"
settle B "$forgiven"
ok "it is copied a third time" copy
rig_faketime B +2
ok "skew that only warns is seen" wait_for 30 copies "'skew' in [f['code'] for f in m['findings']]"
sleep 3
ok "... and the copy goes on" copies "[f for f in m['findings'] if f['code'] == 'skew'][0]['severity'] == 'warn'"
rig_clockferry A abort "$(member "$answers/list" 'v["list"][0]["id"]')" >/dev/null
ended "... until its operator ends it" "^aborted by"
rig_tbf A off

is "its stream never left the host" "$(rig_judge busy | python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["hosts"], v["two_copies"], v["rollbacks"])')" \
	"['A'] [] []"
finish
