#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck source=tests/tap.sh
#
# libclockferry-kvm.so in processes that are no business of its: nothing is
# opened, nothing is different.
. "${srcdir:-.}/tests/tap.sh"

library=$(readlink -f "$builddir/libclockferry-kvm.so")
[ -e "$library" ] || skip_all "libclockferry-kvm.so is not built for this machine"
tmp=$(mktemp -d) || exit 1
cleanup "rm -rf '$tmp'"

with()
{
	LD_PRELOAD=$library "$@"
}

# fds PROCESS: what it has open, without numbers of inodes and without terminals.
fds()
{
	local fd
	for fd in /proc/"$1"/fd/*; do
		readlink "$fd"
	done | sed 's/[0-9][0-9]*//g' | sort
}

ok "true is true" with true
is "echo says the same" "$(with sh -c 'echo $((1 + 1)); stty -a 2>&1 | wc -l')" "$(sh -c 'echo $((1 + 1)); stty -a 2>&1 | wc -l')"
ok "an ioctl with a result of its own has it" with python3 -c '
import fcntl, os, struct, termios, sys
master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
got = struct.unpack("HHHH", fcntl.ioctl(slave, termios.TIOCGWINSZ, bytes(8)))
assert got[:2] == (33, 77), got
try:
    fcntl.ioctl(0, 0xAE80)
    sys.exit("KVM_RUN of stdin worked")
except OSError as e:
    assert e.errno == 25, e
'

# A parent like libvirtd: many children, of many threads, none of which may notice.
ok "children of a parent that forks and has threads" with python3 -c '
import subprocess, threading
bad = []
def children():
    for _ in range(20):
        if subprocess.run(["/bin/echo", "x"], capture_output=True).stdout != b"x\n":
            bad.append(1)
threads = [threading.Thread(target=children) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not bad
'

# libvirtd makes a VM with a vCPU to learn the frequency of the TSC.
if [ -w /dev/kvm ] && [ "$(uname -m)" = x86_64 ]; then
	ok "who asks KVM for the TSC has nothing open afterwards" with python3 -c '
import fcntl, os
kvm = os.open("/dev/kvm", os.O_RDWR)
before = len(os.listdir("/proc/self/fd"))
vm = fcntl.ioctl(kvm, 0xAE01, 0)
vcpu = fcntl.ioctl(vm, 0xAE41, 0)
assert fcntl.ioctl(vcpu, 0xAEA3, 0) > 0
os.close(vcpu)
os.close(vm)
assert len(os.listdir("/proc/self/fd")) == before, os.listdir("/proc/self/fd")
'
else
	skip "who asks KVM for the TSC has nothing open afterwards" "needs /dev/kvm"
fi

# The page, made for who furnishes a vCPU, where nobody may make memory that could be executed.
if [ -w /dev/kvm ] && [ "$(uname -m)" = x86_64 ] && unshare --pid --fork sh -c 'echo 2 >/proc/sys/vm/memfd_noexec' 2>/dev/null; then
	# shellcheck disable=SC2016
	ok "where vm.memfd_noexec is 2 there is a page" unshare --pid --fork sh -c 'echo 2 >/proc/sys/vm/memfd_noexec && LD_PRELOAD=$1 exec python3 -c "$2"' \
		sh "$library" '
import fcntl, os
kvm = os.open("/dev/kvm", os.O_RDWR)
vcpu = fcntl.ioctl(fcntl.ioctl(kvm, 0xAE01, 0), 0xAE41, 0)
fcntl.ioctl(vcpu, 0x4008AE90, bytes(8))
names = {name: os.readlink("/proc/self/fd/" + name) for name in map(str, range(3, 20)) if os.path.lexists("/proc/self/fd/" + name)}
pages = [int(fd) for fd, name in names.items() if name == "/memfd:clockferry-kvm (deleted)"]
assert len(pages) == 1, names
assert fcntl.fcntl(pages[0], fcntl.F_GET_SEALS) & 0x20, "it could be executed"
'
else
	skip "where vm.memfd_noexec is 2 there is a page" "needs root, /dev/kvm and Linux 6.3"
fi

# What a QEMU says over QMP, and has open while it is asked.
qemu_says()
{
	local name=$1 pid
	shift
	mkfifo "$tmp/$name.in"
	timeout 60 "$@" qemu-system-x86_64 -M none -nodefaults -display none -S -qmp stdio <"$tmp/$name.in" >"$tmp/$name.out" 2>"$tmp/$name.err" &
	pid=$!
	exec 9>"$tmp/$name.in"
	echo '{"execute": "qmp_capabilities"} {"execute": "query-kvm"}' >&9
	wait_for 30 grep -q present "$tmp/$name.out"
	fds "$(pgrep -P $pid || echo $pid)" | grep -vE "/(plain|with)\.[a-z]+$" >"$tmp/$name.fds"
	echo '{"execute": "quit"}' >&9
	exec 9>&-
	wait $pid
	echo "status $?" >>"$tmp/$name.out"
	sed -i 's/"timestamp": {[^}]*}//' "$tmp/$name.out"
}

if command -v qemu-system-x86_64 >/dev/null; then
	qemu_says plain env
	qemu_says with env LD_PRELOAD="$library"
	ok "QEMU without KVM says the same" diff "$tmp/plain.out" "$tmp/with.out"
	ok "... and no more to stderr" diff "$tmp/plain.err" "$tmp/with.err"
	ok "... and has the same things open" diff "$tmp/plain.fds" "$tmp/with.fds"
	ok "... it was asked at all" grep -q '"enabled": false' "$tmp/with.out"
else
	skip "QEMU without KVM says the same" "needs qemu-system-x86_64"
fi

if command -v libvirtd >/dev/null; then
	is "libvirtd tells its version" "$(with libvirtd --version 2>&1)" "$(libvirtd --version 2>&1)"
fi
finish
