#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What becomes of a domain in the middle of its copy, by its operator's hand or its own; and of one that the
# destination has no room for.  Each ends as tests/realities.sh has it.
. "$srcdir/tests/rig/rig.sh"
RIG_DRIVER=libvirt	# what is tried here is what libvirt does by itself
requires_rig
requires_command curl prlimit
. "$srcdir/tests/reality.sh"

copy "somebody renames and undefines it"
rig_virsh A undefine g >"$RIG_DIR/undefined" 2>&1 &
undefining=$!
like "... which libvirt does not let them" "$(rig_virsh A domrename g h 2>&1)" "cannot acquire state change lock|running"
wait $undefining
like "... neither" "$(cat "$RIG_DIR/undefined")" "cannot acquire state change lock"
ok "... and so it goes on" copies A "$id"
ok "... until it is aborted" rig_clockferry A abort "$id"
over "somebody renames and undefines it" 4 "hA: running hB: -" "^aborted: aborted by"
is "... and it is what it was" "$(rig_virsh A dominfo g | awk '/^(Persistent|Autostart):/ { print $2 }' | paste -sd' ')" "yes enable"

copy "it crashes"
ok "... for its QEMU dies" rig_in A pkill -KILL -f guest=g,
over "it crashes" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: "
ok "it is started again" rig_start A g

copy "it powers off"
rig_virsh A qemu-agent-command g '{"execute": "guest-exec", "arguments": {"path": "/bin/poweroff", "arg": ["-f"]}}' >/dev/null
over "it powers off" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: shut down"
ok "it is started again" rig_start A g

copy "somebody destroys it"
ok "... as libvirt lets them" rig_virsh A destroy g
over "somebody destroys it" 4 "hA: shut off hB: -" "^aborted: the domain ended during the copy: "
ok "it is started again" rig_start A g

# No room at the destination.

head -c 8M /dev/urandom >"$RIG_DIR/A/lib/disk"
mkdir -p "$RIG_DIR/B/lib/small" "$RIG_DIR/B/lib/libvirt/qemu/ram"
rig_in B mount -t tmpfs -o size=3M none /var/lib/small
rig_in B mount -t tmpfs -o size=64M none /var/lib/libvirt/qemu/ram
mkdir -p "$RIG_DIR/A/lib/small"
mv "$RIG_DIR/A/lib/disk" "$RIG_DIR/A/lib/small/disk"
rig_in B truncate -s 8M /var/lib/small/disk
guest=d
ok "a guest with a disk" rig_define A d mem=128 \
	extra="<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='/var/lib/small/disk'/><target dev='vda' bus='virtio'/></disk>"
ok "it is up" rig_start A d
sets_out "its disk does not fit" --storage copy
over "its disk does not fit" 4 "hA: running hB: -" "^aborted: migration: .*(space|mirror)"
is "... and it does not stand still" "$(rig_virsh A domstate --reason d)" "running (booted)"

guest=m
ok "a guest that wants all of its memory at once" rig_define A m mem=160 \
	clock="<clock offset='utc'/><memoryBacking><source type='file'/><allocation mode='immediate'/></memoryBacking>"
ok "it is up" rig_start A m
sets_out "its memory does not fit"
over "its memory does not fit" 4 "hA: running hB: -" "^aborted: migration: .*memory"

# XML that nobody would read.

guest=x
metadata=$(python3 -c 'print("<metadata><x:all xmlns:x=\"urn:x\">" + "".join("<x:line n=\"%d\">%s</x:line>\n" % (n, "x" * 60)
	for n in range(15000)) + "</x:all></metadata>")')
ok "a guest with more than a million bytes of XML" rig_define A x mem=128 clock="$metadata<clock offset='utc'/>"
ok "it is up" rig_start A x
is "it moves" "$(rig_clockferry A migrate x hB >"$RIG_DIR/said" 2>&1; echo $?)" 0 || note "$(cat "$RIG_DIR/said")"
is "... all of it" "$(rig_virsh B dumpxml x | grep -c '<x:line')" 15000
ok "... the agents are at ease" at_ease A
ok "... both of them" at_ease B
python3 -c 'import base64, json; print(json.dumps({"domain": "x", "destination": "hA", "xml": base64.b64encode(b"<" + b"x" * (1 << 20)).decode()}))' >"$RIG_DIR/B/lib/large"
is "XML beyond the limit is refused" "$(ask B PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" @/var/lib/large)" 400
like "... with the reason" "$(cat "$RIG_DIR/answer")" 'xml: .*(long|more|large|1048576)'
for _ in 1 2 3 4 5; do cat "$RIG_DIR/B/lib/large"; done >"$RIG_DIR/B/lib/larger"
is "... and so is a request beyond its own" "$(ask B PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" @/var/lib/larger)" 413

for guest in g d m x; do
	is "there were never two copies of $guest" "$(rig_judge $guest | pick 'v["two_copies"] + v["rollbacks"]')" "[]"
done
finish
