#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Somebody cancels a migration just as QEMU gives the guest's disks away.  QEMU (seen: 7.2) may then let the guest run on
# without having taken them back, and ends itself over the guest's next write or its next migration: it has to have them.
. "$srcdir/tests/rig/rig.sh"
requires_rig

tries=15	# at most: five are enough that came in time
disk="<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='/var/lib/shared/disk'/><target dev='vda' bus='virtio'/></disk>"

# cancels SECONDS: the virsh on descriptor 9 aborts the migration so long after QEMU, whose events come in, has stopped the guest.
cancels()
{
	local line
	while IFS= read -r line; do
		[[ $line != *"event STOP"* ]] || break
	done
	sleep "$1"
	echo "domjobabort g" >&9
	cat >/dev/null
}

# has_disk HOST: its QEMU lets nobody else write to the guest's, which it does where it has given that away.
has_disk()
{
	local node said
	node=$(rig_virsh "$1" qemu-monitor-command g '{"execute": "query-block"}' | pick 'v["return"][0]["inserted"]["node-name"]') || return
	said=$(rig_virsh "$1" qemu-monitor-command g --hmp "qemu-io $node \"write 0 512\"")
	[[ $said == *"Permission conflict"* ]] || ! echo "$said"
}

# late: so many were cancelled as the disk was given away.
late()
{
	grep -c 'has taken them back' "$RIG_DIR/A/log/clockferryd"
}

rig_up
mkdir "$RIG_DIR/shared"
head -c 4M /dev/zero >"$RIG_DIR/shared/disk"
for host in A B; do
	mkdir "$RIG_DIR/$host/lib/shared"
	rig_in $host mount --bind "$RIG_DIR/shared" /var/lib/shared
done
rig_agents "$(rig_policy '10 s')"
ok "a guest with a disk that both hosts see" rig_define A g mem=128 extra="$disk"
ok "it starts" rig_start A g
ok "its QEMU alone writes to its disk" has_disk A

# Its vCPU's thread comes last: QEMU waits for it where it lets go of the lock under which it would be told to cancel.
vcpu=$(rig_in A sh -c 'grep -l "^CPU 0" /proc/"$(pgrep -x qemu-system-x86)"/task/*/comm')
vcpu=${vcpu%/comm}
ok "its vCPU comes last" rig_in A chrt -i -p 0 "${vcpu##*/}"
for ((i = 0; i < $(nproc); i++)); do
	timeout 200 sh -c 'while :; do :; done' &
	cleanup "kill $! 2>/dev/null"
done

mkfifo "$RIG_DIR/virsh"
rig_virsh A <"$RIG_DIR/virsh" >"$RIG_DIR/virsh.said" 2>&1 &
exec 9>"$RIG_DIR/virsh"
for ((i = 1; i <= tries && $(late) < 5; i++)); do
	rig_in A stdbuf -oL virsh qemu-monitor-event g --loop 2>/dev/null > >(cancels "0.00$((i % 6))") &
	watcher=$!
	sleep 1
	rig_clockferry A migrate g hB --unsafe --json >"$RIG_DIR/said" 2>&1
	status=$?
	kill "$watcher"
	wait "$watcher"
	if [ $status = 0 ]; then
		ok "$i: it was through, and is moved back" rig_clockferry B migrate g hA --unsafe
		continue
	fi
	is "$i: the guest runs on hA" "$(rig_virsh A domstate g)" running || break
	ok "$i: its QEMU has its disk" has_disk A
done
exec 9>&-
ok "some were cancelled as the disk was given away: $(late)" [ "$(late)" -gt 0 ]
finish
