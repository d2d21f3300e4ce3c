#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon/virt with real libvirtds and real guests, by way of tests/virt-check.
. "$srcdir/tests/rig/rig.sh"
requires_rig
[ -x "$builddir/tests/virt-check" ] || skip_all "needs tests/virt-check: make check builds it"

said=
# virt HOST COMMAND...: what virt-check says on that host, also in $said.
virt()
{
	local host=$1
	shift
	said=$(rig_in "$host" timeout 100 "$builddir/tests/virt-check" qemu:///system "$@" 2>&1)
}

# behind HOST FILE COMMAND...: the same in the background, into a file; returns when it is ready, if it says so.
behind()
{
	local host=$1 file=$RIG_DIR/$2
	shift 2
	rig_in "$host" timeout 100 "$builddir/tests/virt-check" qemu:///system "$@" >"$file" 2>&1 &
	job=$!
}

# value NAME [FILE]
value()
{
	if [ $# -gt 1 ]; then
		sed -n "s/^$1=//p" "$RIG_DIR/$2"
	else
		sed -n "s/^$1=//p" <<<"$said"
	fi
}

# values NAME... [in FILE]: as "1 0 1"
values()
{
	local name file= all=()
	[ "${*: -2:1}" = in ] && { file=${*: -1}; set -- "${@:1:$#-2}"; }
	for name; do
		all+=("$(value "$name" $file)")
	done
	echo "${all[*]}"
}

between()
{
	[ -n "$2" ] && [ "$1" -le "$2" ] && [ "$2" -le "$3" ] || { echo "$2 is not in $1 .. $3"; return 1; }
}

# came FILE NEWS: how often.
came()
{
	grep -c -xE "news=($2) g" "$RIG_DIR/$1"
}

# heard FILE NEWS N: waits, with patience, until so much of it has come; then whoever listens until there is FILE.enough ends.
heard()
{
	wait_for 30 eval "[ \$(came '$1' '$2') -ge $3 ]"
	sleep 1	# and what else may belong to it
	: >"$RIG_DIR/B/run/$1.enough"
}

copying()
{
	grep -q "^progress=" "$RIG_DIR/$1"
}

rig_up

# A domain as it stands, and its guest's clock.

virt A host
like "libvirt is what it is" "$(value libvirt)" '^[0-9]+\.[0-9]+\.[0-9]+$'
like "so is QEMU" "$(value emulator)" '^QEMU [0-9]+\.[0-9]+\.[0-9]+$'
virt A emulator /usr/bin/qemu-system-x86_64
is "Debian's QEMU does not correct itself" "$(value self_corrects)" 0

ok "a guest" rig_define A g dirty=48 rate=20
virt A evidence g
is "it does not run yet" "$(values known state guest)" "1 shut-off 0"
ok "it starts" rig_start A g
uuid=$(rig_virsh A domuuid g)
virt A list
like "it is in the list, its agent connected" "$said" "^domain=g $uuid running qemu agent=1 manager=\$"
virt A evidence g
is "it runs under TCG" "$(values state type arch clock agent kvmclock lever)" "running qemu x86_64 utc 1 1 0 2"
is "nothing speaks against moving it" "$(value blocker)" ""
virt A look "$uuid"
is "it is not busy" "$(values known name state persistent job)" "1 g running 1 -"
virt A pid g "$uuid"
like "its process is found" "$(value pid)" '^[0-9]+$'

virt A offset "$uuid" 16 20
is "its clock is read" "$(value rounds)" 16
virt A set "$uuid" 5
like "its clock is set 5 s ahead" "$(value took_ms)" '^[0-9.]+$'
least=$((5000000 - 10#$(value took_ms | tr -d .)))
virt A offset "$uuid" 16 20
ok "and is 5 s ahead, less what that took" between $least "$(value high_us)" 6000000
ok "no more than that" between 4000000 "$(value low_us)" 5000000
ok "and nobody has tainted the domain" not grep -q 'tainted: custom' "$RIG_DIR/A/log/libvirt/qemu/g.log"

# Agents that are no good.

ok "a guest whose agent does not answer" rig_define A n mem=128 agent=never
ok "it boots" rig_virsh A start n
ok "it is up" wait_for 60 grep -q BOOTED "$RIG_DIR/A/log/console-n"
silent=$(rig_virsh A domuuid n)
ok "its channel is connected" wait_for 20 eval "rig_virsh A dumpxml n | grep -q \"state='connected'\""
virt A offset "$silent" 16 2
is "no answer in time" "$(values code hung)" "host 1"
ok "and it was not waited for" between 1900 "$(value took_ms | cut -d. -f1)" 20000
is "nor asked again while that call hangs" "$(value again)" 114
virt A look n
is "which hinders nobody" "$(values known state job)" "1 running -"
rig_virsh A destroy n >&2

ok "a guest without agent" rig_define A n2 mem=128 noagent
ok "it is up" rig_start A n2
virt A offset "$(rig_virsh A domuuid n2)" 16 5
is "it is not asked" "$(value text)" "the guest agent is not connected"
rig_virsh A destroy n2 >&2

ok "a guest whose agent says absurd things" rig_define A n3 mem=128 agent=absurd
ok "it boots" rig_virsh A start n3
ok "it is up" wait_for 60 grep -q BOOTED "$RIG_DIR/A/log/console-n3"
ok "its channel is connected" wait_for 20 eval "rig_virsh A dumpxml n3 | grep -q \"state='connected'\""
for _ in 1 2 3 4 5 6; do
	virt A offset "$(rig_virsh A domuuid n3)" 1 10
	is "no offset from that: $(value text)" "$(value rounds)" ""
done
rig_virsh A destroy n3 >&2

# A migration, seen from both sides.

behind B landing watch "$uuid" destination 60
wait_for 20 grep -q ready "$RIG_DIR/landing"
behind B news listen 60 /run/news.enough
listener=$job
wait_for 20 grep -q ready "$RIG_DIR/news"
virt A migrate "$uuid" hB
heard news 'arriving|landed|agent-connected' 3
wait $listener
is "the driver says that it succeeded" "$(values end code)" "1 0"
is "the source saw the switchover" "$(values has_stop switchover paused undone gone gap)" "1 1 0 0 migrated 0"
like "and libvirt's figures" "$(values bytes libvirt_downtime_ms)" '^[0-9]+ [0-9]+$'
is "the destination saw the landing" "$(values landed has_resume has_resume_known gap in landing)" "1 1 1 0"
gap=$((($(value resume_raw landing) - $(value stop_raw)) / 1000000))
ok "RESUME is behind STOP, on one RAW clock" between 1 $gap 20000
note "STOP to RESUME $gap ms, libvirt says $(value libvirt_downtime_ms) ms"
is "news of it" "$(came news 'arriving|landed|agent-connected')" 3
virt B look g
is "it runs there, persistent as it was" "$(values known state persistent job)" "1 running 1 -"
virt A look g
is "it is gone here" "$(value known)" 0

# An end in the middle: nothing has happened.

behind B cut migrate "$uuid" hA /run/abort 8	# slower than the guest changes its memory
wait_for 20 copying cut
virt B look g
is "while it is copied it is busy" "$(values state job)" "running migration-out"
virt B migrate "$uuid" hA
is "and cannot be moved twice" "$(value code)" conflict
: >"$RIG_DIR/B/run/abort"
wait $job
is "it is ended" "$(values abort end in cut)" "0 3"
is "without a standstill" "$(values has_stop switchover undone in cut)" "0 0 0"
virt B look g
is "and runs on" "$(values state job)" "running -"
virt A look g
is "nothing is left on the other side" "$(value known)" 0

# Somebody pauses the guest meanwhile: that is no switchover.

behind B pause migrate "$uuid" hA /nonexistent 8
wait_for 20 copying pause
ok "somebody pauses it" rig_virsh B suspend g
rig_virsh B migrate-setspeed g 1000	# enough of it
wait $job
is "the paused guest is moved, and that was no switchover" \
	"$(values end has_stop switchover paused gone in pause)" "1 1 0 1 migrated"
is "libvirt runs it there" "$(rig_virsh A domstate g)" "running"

# A transient domain stays one.

ok "it is made transient" rig_virsh A undefine g
virt A migrate "$uuid" hB
is "it is moved" "$(value end)" 1
virt B look g
is "and is transient there" "$(values state persistent)" "running 0"

# libvirtd comes and goes, and hangs.

behind B events watch "$uuid" destination 60 /run/news2.enough
watcher=$job
wait_for 20 grep -q ready "$RIG_DIR/events"
behind B news2 listen 60 /run/news2.enough
listener=$job
wait_for 20 grep -q ready "$RIG_DIR/news2"
ok "libvirtd is restarted" rig_libvirtd B restart
wait_for 10 eval "sed 1,/disconnected/d '$RIG_DIR/news2' | grep -qx 'news=connected '"
rig_virsh B suspend g >&2 && rig_virsh B resume g >&2
heard news2 'suspended|resumed' 2
wait $listener
like "the connection is lost and made again" "$(grep -x 'news=[a-z]*connected ' "$RIG_DIR/news2" | tr -d '\n')" \
	'news=disconnected news=connected $'
is "and stands" "$(value connected news2)" 1
is "events come again" "$(came news2 'suspended|resumed')" 2
wait $watcher
is "and who watched is told of the gap" "$(value gap events)" 1

rig_in B sh -c 'kill -STOP $(cat /run/libvirtd.pid)'
virt B look g
is "a libvirtd that hangs is an error" "$(values code)" host
rig_in B sh -c 'kill -CONT $(cat /run/libvirtd.pid)'
virt B look g
is "and gone when it does not" "$(value known)" 1

copies=$(rig_judge g | python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["two_copies"] + v["rollbacks"])')
is "there were never two copies" "$copies" "[]"
finish
