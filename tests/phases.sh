#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A migration phase by phase, its two ends in two processes (tests/phases-check), with real libvirtds and guests:
# what becomes of it at the gate, and when one of the two dies or loses its libvirtd in each phase.
. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/ends.sh"
requires_rig
[ -x "$check" ] || skip_all "needs $check: make check builds it"

shared=$(mktemp -d "${TMPDIR:-/tmp}/shared.XXXXXX")
cleanup 'rm -rf "$shared"'
chmod 0755 "$shared"
head -c 8M /dev/zero >"$shared/disk"

disk()
{
	echo "<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='$1'/><target dev='vda' bus='virtio'/></disk>"
}

# left HOST VERB [WORD]: what a lost job left there is dealt with.
left()
{
	said=$(rig_in "$1" timeout 60 "$check" qemu:///system "$2" "$uuid" "${@:3}" 2>&1)
	sed -n 's/^done=//p' <<<"$said"
}

# meanwhile FILE NAME COMMAND...: when one end has got there, as it says in FILE; with $till it holds there until the command is over.
meanwhile()
{
	wait_for 60 grep -q "^$2_us" "$RIG_DIR/$1" && "${@:3}"
	: >"$RIG_DIR/over"
}

# stands: how g stands on hA, and on hB; why it is paused, if it is.
stands()
{
	local host all=()
	for host in A B; do
		all+=("$(rig_virsh $host domstate --reason g 2>/dev/null | sed -n '1s/^running.*/running/p; 1p' | head -n 1 | grep . || echo none)")
	done
	echo "${all[0]}, ${all[1]}"
}

rig_up
till=until=$RIG_DIR/over
for host in A B; do
	rig_qemu_certificates $host
done
ok "a guest" rig_define A g dirty=24 rate=10 extra="$(disk "$shared/disk")"
ok "it starts" rig_start A g
uuid=$(rig_virsh A domuuid g)

# The gate.

taken B
given A B do=back
is "at the gate nothing runs, and it is rolled back" "$(grep -E '^state=' "$RIG_DIR/here" | tr '\n' ' ')" "state=loaded state=aborted "
is "... the source runs on" "$(stands)" "running, none"
is "... nothing ran there" "$(there runs landed end_text)" "0 0 "
is "... and nothing is left there" "$(rig_virsh B domstate g 2>/dev/null)" ""
note "decided -> source RESUME: $(in_ms here decided_us resume_us) ms, other threads were late by $(in_ms here gap_us) ms"

taken B
given A B do=run
is "at the gate it is let go" "$(grep -E '^state=' "$RIG_DIR/here" | tr '\n' ' ')" "state=loaded state=succeeded "
is "... it runs there" "$(stands)" "none, running"
is "... as a persistent domain" "$(rig_virsh B dominfo g | awk '/^Persistent/ { print $2 }')" "yes"
is "... and libvirt said so" "$(there runs landed)" "1 1"
note "commit -> RESUME: $(in_ms there told_us resume_us) ms, RESUME -> Finish returned: $(in_ms there resume_us finish_answered_us) ms"

# How it is carried.

taken A
given B A do=run tls=1 parallel=2 auto_converge=1
is "encrypted, over several connections" "$(here state) $(stands)" "succeeded running, none"
ok "it is paused by somebody" rig_virsh A suspend g
taken B
given A B do=run
is "a paused guest stays paused" "$(here state) $(there runs landed) $(stands)" "succeeded 1 0 none, paused (user)"
ok "and is let run" rig_virsh B resume g
taken A uri=tcp://10.99.0.1 listen=10.99.0.1
given B A do=run migrate_uri=tcp://%s.invalid
is "the destination says where it is to be reached" "$(here state) $(there uri | cut -d: -f1,2)" "succeeded tcp://10.99.0.1"
taken B uri=unix:///run/x
given A B
is "QEMU listens on no path of a peer's" "$(here code) $(there code) $(stands)" "peer peer running, none"

# It is ended while it is copied.

: >"$RIG_DIR/enough"
taken B
given A B abort="$RIG_DIR/enough" bandwidth=4
is "it is aborted in the copy" "$(here abort state) $(stands)" "0 aborted running, none"

# The source's agent dies.  The destination's sees that its connection ended, and closes what is incoming.

for where in begun answered; do
	taken B
	given A B die=$where
	is "the source's agent dies when it has $where: the guest has not noticed" "$(stands)" "running, none"
done
taken B
given A B late=performing bandwidth=4
ok "the source's agent dies in the copy: the guest runs on" wait_for 20 eval '[ "$(stands)" = "running, none" ]'
taken B
given A B die=loaded
ok "... at the gate: it stands, and there is nobody else" wait_for 20 eval '[ "$(stands)" = "paused (migrating), none" ]'
is "... it is not removed as if it had run there" "$(left A undefine)" 16
is "... and let run on" "$(left A resume) $(stands)" "0 running, none"
is "... which can be asked for twice" "$(left A resume)" 0
is "... but a guest that runs is no leftover" "$(left A remove)" 16

taken B
given A B die=committed
ok "... after the commit: it runs there, and stands here" wait_for 20 eval '[ "$(stands)" = "paused (migrating), running" ]'
is "... the leftover is removed" "$(left A remove) $(stands)" "0 none, running"
is "... which can be asked for twice" "$(left A remove)" 0

# The destination's agent dies.

for where in offered prepared; do
	taken A die=$where
	given B A
	is "the destination's agent dies when it has $where: nothing has begun" "$(here code) $(stands)" \
		"unreachable none, running"
done
taken A late=prepared seconds=1
given B A bandwidth=4
is "... in the copy: it has failed" "$(here state)" "failed"
is "... and the guest runs on" "$(stands)" "none, running"
taken A die=told
given B A
ok "... when it was told to let it run, and had not done so: nothing is there" \
	wait_for 20 eval '[ "$(stands)" = "none, paused (migrating)" ]'
is "... the source has been waiting at its gate" "$(here state)" "loaded"
is "... and is let run on by who knows" "$(left B resume) $(stands)" "0 none, running"

# libvirtd ends at the gate.

again()
{
	rig_libvirtd "$1" kill && rig_libvirtd "$1" start
}
: >"$RIG_DIR/here"
taken A
meanwhile here loaded again B &
given B A do=back hold=loaded "$till"
is "the source's libvirtd ends at the gate: that is seen" "$(here settle state)" "107 lost"
ok "... it stands" wait_for 20 eval 'rig_virsh B domstate --reason g | grep -q "^paused (migrating)"'
is "... and is let run on" "$(left B resume) $(stands)" "0 none, running"
rm "$RIG_DIR/over"
taken A hold=told "$till"
meanwhile there told again A &
given B A do=run
is "the destination's libvirtd ends at the gate: nobody can say that it runs" "$(there code runs)" "host "
note "$(there text)"
ok "... and it does not" wait_for 20 eval '[ "$(stands)" = "none, paused (migrating)" ]'
is "... the source lets it run on" "$(left B resume) $(stands)" "0 none, running"

# A Finish that fails when libvirt has already defined the domain.

hold='
import fcntl, struct, sys, time
image = open(sys.argv[1], "rb+")
fcntl.fcntl(image, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 201, 1, 0))
print("held", flush=True)
time.sleep(60)'
python3 -c "$hold" "$shared/disk" >"$RIG_DIR/holder" &	# as a QEMU that lets nobody else write
holder=$!
cleanup 'kill $holder 2>/dev/null'
wait_for 10 grep -q held "$RIG_DIR/holder"
let_go()
{
	kill $holder && wait_for 10 not test -e /proc/$holder/fd/0
}
rm "$RIG_DIR/over"
taken A
meanwhile there finished let_go &
given B A do=run hold=obeyed "$till"
is "it cannot run there, and runs on" "$(there runs landed) $(here state) $(rig_virsh B domstate g)" "0 0 aborted running"
like "... and why" "$(there end_text)" "lock"
is "... but it is defined there" "$(rig_virsh A domstate g)" "shut off"
is "... a guest that runs is not undefined" "$(left B undefine)" 16
is "... and that is taken back" "$(left A undefine) $(stands)" "0 none, running"
is "... which can be asked for twice" "$(left A undefine)" 0

# Disks that are copied.

head -c 8M /dev/urandom >"$RIG_DIR/B/lib/disk"
head -c 8M /dev/zero >"$RIG_DIR/A/lib/disk"
ok "its disk becomes one of its host's own" rig_virsh B destroy g
rig_virsh B undefine g >&2
ok "a guest with that" rig_define B g uuid="$uuid" extra="$(disk /var/lib/disk)"
ok "it starts" rig_start B g
taken A
given B A do=back storage=copy
is "its disk is copied, and it is rolled back" "$(here state) $(stands)" "aborted none, running"
taken A
given B A do=run storage=copy tls=1 tls_name=hA
is "its disk is copied, encrypted, and it runs there" "$(here state) $(stands)" "succeeded running, none"
like "... over a port of its own" "$(here storage_port)" '^49[0-9]+$'
ok "... the disk came with it" cmp "$RIG_DIR/A/lib/disk" "$RIG_DIR/B/lib/disk"

copies=$(rig_judge g | python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["two_copies"] + v["rollbacks"])')
is "there were never two copies" "$copies" "[]"
ok "it ends" rig_virsh A destroy g
rig_virsh A undefine g >&2

# Whose the images are.

for host in A B; do
	sed -i 's/^user = .*/user = "libvirt-qemu"/; s/^group = .*/group = "libvirt-qemu"/; s/^dynamic_ownership = .*/dynamic_ownership = 1/' \
		"$RIG_DIR/$host/etc/libvirt/qemu.conf"
	rig_libvirtd $host stop
	rig_in $host env LD_PRELOAD="$builddir/tests/rig/nfs.so" RIG_NFS="$shared" \
		sh -c 'libvirtd --listen -d -p /run/libvirtd.pid </dev/null >>/var/log/libvirt/stdio.log 2>&1'
	wait_for 30 rig_virsh $host version
done
owner()
{
	stat -c %U "$shared/disk"
}
ok "a guest whose QEMU is nobody special, and its image on NFS" rig_define A g uuid="$uuid" extra="$(disk "$shared/disk")"
ok "it starts" rig_start A g
is "its image is made that one's" "$(owner)" libvirt-qemu
taken B
given A B do=run unsafe=0
is "libvirt sees that both have it, and leaves it alone" "$(here state) $(stands) $(owner)" "succeeded none, running libvirt-qemu"
taken A
given B A die=committed
ok "the source's agent dies after the commit" wait_for 20 eval '[ "$(stands)" = "running, paused (migrating)" ]'
is "the leftover is removed, and the image stays whose it was" "$(left B remove) $(stands) $(owner)" "0 running, none libvirt-qemu"
taken B
given A B die=committed
ok "once more" wait_for 20 eval '[ "$(stands)" = "paused (migrating), running" ]'
rig_virsh A destroy g >&2
is "control: to destroy it takes the image away from the guest that runs" "$(rig_virsh B domstate g | head -n 1) $(owner)" "running root"
chown libvirt-qemu "$shared/disk"
taken A
given B A die=committed
ok "and a last time" wait_for 20 eval '[ "$(stands)" = "running, paused (migrating)" ]'
rig_in B pkill -KILL qemu-system
is "control: so does the death of its QEMU" "$(wait_for 10 eval '[ "$(owner)" = root ]'; rig_virsh A domstate g | head -n 1) $(owner)" "running root"
finish
