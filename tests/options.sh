#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# How a guest is carried: what it is between its starts, as it was; its memory and its disks, as it is asked for.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/survivor.sh"
RIG_DRIVER=libvirt	# what is tried here is what libvirt does by itself
requires_rig
requires_command curl

# How quickly a busy guest's agent answers is not what is looked at.
agent='guest { timeout = "10 s" correct-within = "1 min" }'
settings="$agent $(rig_policy '5 s')"
secret=SuperSecret$RANDOM

# persistence HOST GUEST: "persistent autostart", as that host's libvirt says, each yes or no; "-" without the domain.
persistence()
{
	rig_virsh "$1" dominfo "$2" 2>/dev/null | awk '$1 == "Persistent:" { p = $2 } $1 == "Autostart:" { a = $2 }
		END { print p ? p " " (a == "enable" ? "yes" : "no") : "-" }'
}

# told HOST GUEST COMMAND EXPRESSION: what its QEMU was told, as Python over the QMP answer, v, of the command.
told()
{
	rig_virsh "$1" qemu-monitor-command "$2" "{\"execute\": \"$3\"}" | pick "(lambda v: $4)(v['return'])"
}

# capabilities HOST GUEST: those of its migration that are on.
capabilities()
{
	told "$1" "$2" query-migrate-capabilities '" ".join(sorted(c["capability"] for c in v if c["state"]))'
}

# refused SENTENCE DETAIL ARGUMENT...: by everybody who may be asked, before anything has begun.
refused()
{
	local sentence=$1 detail=$2 before said
	shift 2
	before=$(rig_clockferry B list)
	said=$(rig_clockferry A check g hB "$@")
	is "$sentence: check says no" $? 3
	like "... and why" "$said" "$detail"
	said=$(rig_clockferry A migrate g hB "$@")
	is "... migrate is refused" $? 3
	like "... and says why" "$said" "$detail"
	is "... and hB has not heard of it" "$(rig_clockferry B list)" "$before"
}

# carried SENTENCE FROM TO ARGUMENT...: guest g is migrated, and well.
carried()
{
	local sentence=$1 from=$2 to=$3
	shift 3
	said=$(rig_clockferry "$from" migrate g "h$to" --json "$@")
	is "$sentence" $? 0 || note "$said"
	is "... it runs on h$to" "$(rig_virsh "$to" domstate g)" running
	is "... and h$from has it no longer" "$(persistence "$from" g)" "-"
}

disk()
{
	echo "<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='$1'/><target dev='$2' bus='virtio'/></disk>"
}

rig_up
for host in A B; do
	rig_agent_conf $host "$settings"
	ok "the agent of h$host starts" rig_agent $host start
	rig_qemu_certificates $host
	head -c 8M /dev/zero >"$RIG_DIR/$host/lib/disk"
done
head -c 8M /dev/urandom >"$RIG_DIR/A/lib/disk"
ok "a guest" rig_define A g mem=160 dirty=32 rate=20 extra="$(disk /var/lib/disk vda)"
ok "which starts with its host" rig_virsh A autostart g
ok "it is up" rig_start A g

# An attempt that comes to nothing, with all that can be told.

rig_tbf A 100mbit
begin aborted A migrate g hB --storage copy --disks vda --tls --tls-name hB --parallel 3 --bandwidth 3 \
	--auto-converge --auto-converge-initial 17 --auto-converge-increment 7
aborted=$job
id=$(its_id aborted)
ok "it is copied" wait_for 30 copies A "$id"
is "meanwhile a reboot of its host would not start it" "$(persistence A g)" "yes no"
for capability in auto-converge multifd; do
	ok "QEMU was told of $capability" grep -qw $capability <<<"$(capabilities A g)"
done
is "and how much" "$(told A g query-migrate-parameters '[v[k] for k in ("multifd-channels", "max-bandwidth",
	"cpu-throttle-initial", "cpu-throttle-increment", "tls-hostname")]')" "[3, $((3 << 20)), 17, 7, 'hB']"
like "the connections are encrypted" "$(told A g query-migrate-parameters 'v["tls-creds"]')" .
capabilities A g >"$RIG_DIR/plain"
ok "somebody aborts it" rig_clockferry A abort "$id"
wait "$aborted"
is "exit status" $? 4
ok "both hosts have the same receipt" both_have "$id"
is "it says how it was carried" "$(receipt '[v["options"][k] for k in ("tls", "parallel", "storage", "disks", "unsafe")]')" \
	"[True, 3, 'copy', ['vda'], False]"
is "it starts with its host again" "$(persistence A g)" "yes yes"
is "and is not on the other one" "$(persistence B g)" "-"
rig_tbf A off

# What is refused before anything has begun.

refused "post-copy" '^ *refuse +post-copy' --post-copy
refused "what does not go together" 'zlib or zstd, or not at all' --parallel 2 --compression xbzrle --storage copy
refused "what this libvirt does not know" 'neither zlib nor zstd' --parallel 2 --compression zstd --storage copy

# One that goes well, there and back.

carried "it migrates, disk and all" A B --storage copy --tls --parallel 2
is "it is on hB what it was on hA" "$(persistence B g)" "yes yes"
is "and nothing would start it on hA" "$(ls "$RIG_DIR/A/etc/libvirt/qemu/autostart")" ""
ok "the disk came with it" cmp "$RIG_DIR/A/lib/disk" "$RIG_DIR/B/lib/disk"
ok "its host forgets about starting it" rig_virsh B autostart --disable g

# XML for the destination.

head -c 8M /dev/zero >"$RIG_DIR/A/lib/elsewhere"
rig_virsh B dumpxml --migratable g | sed "s,/var/lib/disk,/var/lib/elsewhere,;
	s,</name>,&<metadata><x:s xmlns:x='urn:x'>$secret</x:s></metadata>," >"$RIG_DIR/B/lib/good.xml"
sed 's,</memory>,0&,' "$RIG_DIR/B/lib/good.xml" >"$RIG_DIR/B/lib/bad.xml"
head -c 1000 "$RIG_DIR/B/lib/good.xml" >"$RIG_DIR/B/lib/broken.xml"
sed 's,<name>g<,<name>h<,' "$RIG_DIR/B/lib/good.xml" >"$RIG_DIR/B/lib/other.xml"
for case in "broken not.well-formed" "other another.domain"; do
	read -r which why <<<"$case"
	said=$(rig_clockferry B migrate g hA --storage copy --xml "$RIG_DIR/B/lib/$which.xml")
	is "$which XML is refused" $? 3
	like "... and why" "$said" "refuse +options-unusable: g: .*${why//./ }"
done
said=$(rig_clockferry B migrate g hA --storage copy --xml "$RIG_DIR/B/lib/bad.xml")
is "XML that the guest would see the difference of: libvirt refuses it" $? 4
like "... and why" "$said" "[Mm]emory"
is "... it stays as it was" "$(rig_virsh B domstate g) $(persistence A g)" "running -"
carried "XML that names another disk" B A --storage copy --xml "$RIG_DIR/B/lib/good.xml"
for which in "" --inactive; do
	like "... that is the one it has${which:+ the next time too}" "$(rig_virsh A dumpxml $which g)" "file='/var/lib/elsewhere'"
done
ok "... and what was on the first" cmp "$RIG_DIR/A/lib/elsewhere" "$RIG_DIR/B/lib/disk"
is "it does not start with its host there either" "$(persistence A g)" "yes no"
is "nobody has told of the XML" "$(grep -rl "$secret" "$RIG_DIR"/[AB]/log "$RIG_DIR"/[AB]/lib/clockferry "$RIG_DIR"/[AB]/run/clockferry \
	--include='clockferry*' --include='*.db*' 2>/dev/null; rig_clockferry A list --json | grep "$secret";
	for id in $(rig_clockferry B list --json | pick '" ".join(m["id"] for m in v["list"])'); do
		rig_clockferry B show "$id" --json | grep "$secret"
	done)" ""

# Disks that both hosts see, which libvirt does not know.

mkdir -p "$RIG_DIR/shared"
cp "$RIG_DIR/A/lib/elsewhere" "$RIG_DIR/shared/disk"
ok "another guest, its disk on a file system that libvirt takes for local" \
	rig_define A h mem=160 dirty=64 rate=400 extra="$(disk "$RIG_DIR/shared/disk" vda)"
ok "it is up" rig_start A h
said=$(rig_clockferry A migrate h hB)
is "it does not migrate" $? 4
like "... and why" "$said" "[Uu]nsafe"
is "... nor is it on hB" "$(rig_virsh A domstate h) $(persistence B h)" "running -"
ok "who knows better says so" rig_clockferry A migrate h hB --unsafe
is "... and it runs there" "$(rig_virsh B domstate h)" running
ok "it is made transient" rig_virsh B undefine h

# Post-copy, where both policies leave it to the operator.

for host in A B; do
	rig_agent_conf $host "$agent" "$(rig_policy '5 s' | sed 's/{/{ warn = { "post-copy" }/')"
	rig_agent $host reload
done
wait_for 10 rig_clockferry B check h hA --post-copy
rig_tbf B 200mbit
said=$(rig_clockferry B migrate h hA --unsafe --post-copy --json)
is "a guest that writes faster than can be sent moves by post-copy" $? 0 || note "$said"
is "which the receipt says" "$(pick 'v["options"]["post_copy"], [f["severity"] for f in v["migration"]["findings"]
	if f["code"] == "post-copy"]' <<<"$said")" "True ['warn']"
is "it runs there, as transient as it was" "$(rig_virsh A domstate h) $(persistence A h)" "running no no"
is "and nowhere else" "$(persistence B h)" "-"
rig_tbf B off

# And a post-copy that fails: there is no way back, and no happy end is told.  Beside it begins the guest of the next part.

writer=(mem=160 dirty=48 rate=40)
rig_define A c "${writer[@]}" >/dev/null
rig_start_beside A c

rig_agent_conf A "$agent" "$(rig_policy '5 s' '10 s' | sed 's/{/{ warn = { "post-copy" }/')"
rig_agent A reload
rig_tbf A 40mbit
rig_clockferry A migrate h hB --unsafe --post-copy --json >"$RIG_DIR/torn" 2>"$RIG_DIR/torn.err" &
job=$!
runs_by_post_copy()
{
	rig_virsh B domstate h --reason 2>/dev/null | grep -q 'post-copy'
}
ok "it runs there before its memory is" wait_for 120 runs_by_post_copy
pkill -KILL -f 'qemu-system.*guest=h' --ns "$(rig_pid A)" --nslist pid
wait $job
is "where its memory was QEMU dies: that is not told as a success" $? 5 || note "$(cat "$RIG_DIR/torn.err")"
like "but as what it is" "$(pick 'v["migration"]["outcome"] + ": " + v["migration"]["reason"]' <"$RIG_DIR/torn")" \
	"^unverified: post-copy failed: the guest lacks memory"
is "the guest is left as it is, for somebody to decide" "$(rig_virsh B domstate h)" running
rig_tbf A off

# Memory that is compressed on its way, by the driver with a gate.  What QEMU has of pages that it compressed is in libvirt's
# figures of xbzrle, which come with the guest, and of mt in its own, as long as it copies.

RIG_DRIVER=auto
for host in A B; do
	rig_agent_conf $host "$agent" "$(rig_policy '6 s')"
	ok "the driver with a gate, on h$host" rig_agent $host reload
done
ok "a guest that writes a byte here and there is up" rig_started c

by_mt()
{
	[ "$(told "$1" c query-migrate "v.get('compression', {}).get('pages', 0) > 0")" = True ]
}

# compressed FROM TO METHOD CAPABILITY: so slowly at first that each page is sent more than once.
compressed()
{
	local from=$1 to=$2 method=$3 id pages
	rig_tbf "$from" 100mbit
	begin compressed "$from" migrate c "h$to" --compression "$method"
	id=$(its_id compressed)
	ok "$method: a guest is copied" wait_for 30 copies "$from" "$id"
	ok "... QEMU was told of it" grep -qw "$4" <<<"$(capabilities "$from" c)"
	if [ "$method" = mt ]; then
		ok "... and compresses pages" wait_for 30 by_mt "$from"
		note "$(told "$from" c query-migrate "v['compression']")"
		rig_tbf "$from" off
	fi
	wait "$job"
	is "... it moves: exit status" $? 0 || note "$(cat "$RIG_DIR/compressed")"
	rig_tbf "$from" off 2>/dev/null
	ok "... both hosts have the same receipt" both_have "$id"
	is "... which says how" "$(receipt 'v["driver"], v["options"]["compression"], v["migration"]["outcome"]')" \
		"gated $method clean"
	is "... it runs there, and only there" "$(rig_virsh "$to" domstate c) $(persistence "$from" c)" "running -"
	[ "$method" = xbzrle ] || return
	pages=$(rig_virsh "$to" domjobinfo c --completed | sed -n 's/^Compressed pages: *//p')
	ok "... pages were compressed: ${pages:-none}" test "${pages:-0}" -gt 0
}

# another HOST: guest in its place.
another()
{
	gone c
	rig_define "$1" c "${writer[@]}" && rig_start "$1" c
}

ok "where no compression is asked for QEMU has none" not grep -qwE 'xbzrle|compress' "$RIG_DIR/plain"
with_survivor c "another A" compressed A B xbzrle xbzrle
with_survivor c "another B" compressed B A mt compress

for guest in g h c; do
	is "there were never two copies of $guest" "$(rig_judge $guest | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
done
finish
