#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What becomes of a domain in the middle of its copy, by its operator's hand or its own; and of one that the
# destination has no room for.  Each ends as tests/realities.sh has it.
. "$srcdir/tests/rig/rig.sh"
requires_rig
requires_command curl prlimit
. "$srcdir/tests/reality.sh"

# driven_by DRIVER: from here on, from hA.
driven_by()
{
	RIG_DRIVER=$1
	rig_agent_conf A "$settings"
	ok "driver $1" rig_agent A reload
}

# again: the guest of the scenario before, which ended, is started once more beside what follows.
again()
{
	rig_start_beside A "$guest"
}

disk()
{
	echo "<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='$1'/><target dev='vda' bus='virtio'/></disk>"
}

# Those that come later begin to start while libvirt keeps the first ones waiting, which it does for half a minute.
later()
{
	local metadata
	metadata=$(python3 -c 'print("<metadata><x:all xmlns:x=\"urn:x\">" + "".join("<x:line n=\"%d\">%s</x:line>\n" % (n, "x" * 60)
		for n in range(15000)) + "</x:all></metadata>")')
	mkdir -p "$RIG_DIR/A/lib/small"
	head -c 8M /dev/urandom >"$RIG_DIR/A/lib/small/disk"
	rig_define A e mem=160 dirty=32 rate=20 && rig_define A d mem=128 extra="$(disk /var/lib/small/disk)" &&
		rig_define A m mem=160 \
			clock="<clock offset='utc'/><memoryBacking><source type='file'/><allocation mode='immediate'/></memoryBacking>" &&
		rig_define A x mem=128 clock="$metadata<clock offset='utc'/>" && rig_start_beside A e d m x
}

copy "somebody renames and undefines it"
ok "more guests, for later" later
rig_virsh A undefine g >"$RIG_DIR/undefined" 2>&1 &
undefining=$!
like "... which libvirt does not let them" "$(rig_virsh A domrename g h 2>&1)" "cannot acquire state change lock|running"
wait $undefining
like "... neither" "$(cat "$RIG_DIR/undefined")" "cannot acquire state change lock"
ok "... and so it goes on" in_phase A "$id" 'copying|armed'
ok "... until it is aborted" rig_clockferry A abort "$id"
over "somebody renames and undefines it" 4 "hA: running hB: -" "^aborted: aborted by"
is "... and it is what it was" "$(rig_virsh A dominfo g | awk '/^(Persistent|Autostart):/ { print $2 }' | paste -sd' ')" "yes enable"

copy "it crashes"
ok "... for its QEMU dies" rig_in A pkill -KILL -f guest=g,
over "it crashes" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: "
again

driven_by libvirt
guest=e
ok "another guest is up" rig_started e
copy "it powers off"
rig_virsh A qemu-agent-command e '{"execute": "guest-exec", "arguments": {"path": "/bin/poweroff", "arg": ["-f"]}}' >/dev/null
over "it powers off" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: shut down"
again
driven_by auto

guest=g
ok "the one that crashed is started again" rig_started g
copy "somebody destroys it"
ok "... as libvirt lets them" rig_virsh A destroy g
over "somebody destroys it" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: "
again
ok "the one that powered off is started again" rig_started e

# No room at the destination.

mkdir -p "$RIG_DIR/B/lib/small" "$RIG_DIR/B/lib/libvirt/qemu/ram"
rig_in B mount -t tmpfs -o size=3M none /var/lib/small
rig_in B mount -t tmpfs -o size=64M none /var/lib/libvirt/qemu/ram
rig_in B truncate -s 8M /var/lib/small/disk
guest=d
ok "a guest with a disk is up" rig_started d
sets_out "its disk does not fit" --storage copy
over "its disk does not fit" 4 "hA: running hB: -" "^aborted: migration: .*(space|mirror)"
is "... and it does not stand still" "$(rig_virsh A domstate --reason d)" "running (booted)"

guest=m
ok "a guest that wants all of its memory at once is up" rig_started m
sets_out "its memory does not fit"
over "its memory does not fit" 4 "hA: running hB: -" "^aborted: .*migration.*memory"

# XML that nobody would read.

guest=x
ok "a guest with more than a million bytes of XML is up" rig_started x
is "it moves" "$(rig_clockferry A migrate x hB >"$RIG_DIR/said" 2>&1; echo $?)" 0 || note "$(cat "$RIG_DIR/said")"
is "... all of it" "$(rig_virsh B dumpxml x | grep -c '<x:line')" 15000
ok "... the agents are at ease" at_ease A
ok "... both of them" at_ease B
python3 -c 'import base64, json; print(json.dumps({"domain": "x", "destination": "hA", "xml": base64.b64encode(b"<" + b"x" * (1 << 20)).decode()}))' >"$RIG_DIR/B/lib/large"
is "XML beyond the limit is refused" "$(ask B PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" @/var/lib/large)" 400
like "... with the reason" "$(cat "$RIG_DIR/answer")" 'xml: .*(long|more|large|1048576)'
for _ in 1 2 3 4 5; do cat "$RIG_DIR/B/lib/large"; done >"$RIG_DIR/B/lib/larger"
is "... and so is a request beyond its own" "$(ask B PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" @/var/lib/larger)" 413

ok "the one that was destroyed is started again" rig_started g
for guest in g e d m x; do
	is "there were never two copies of $guest" "$(rig_judge $guest | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
done
finish
