#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck source=tests/tap.sh
#
# libclockferry-kvm.so in a real QEMU with the KVM of this machine, if it has one:
# an aborted migration, and one to another QEMU beside it, the agents' part played
# by tests/kvm-agent.  One machine proves nothing of two hosts' clocks; that the
# library and a QEMU understand each other, it does.
. "${srcdir:-.}/tests/tap.sh"
requires_root
requires_command qemu-system-x86_64 python3
library=$(readlink -f "$builddir/libclockferry-kvm.so")
[ -e "$library" ] && [ "$(uname -m)" = x86_64 ] || skip_all "needs libclockferry-kvm.so of x86"
[ -w /dev/kvm ] || skip_all "needs /dev/kvm"

tmp=$(mktemp -d) || exit 1
cleanup "rm -rf '$tmp'"

# qemu NAME ARGUMENTS...: its pid in $NAME.
qemu()
{
	local name=$1
	shift
	LD_PRELOAD=$library qemu-system-x86_64 -accel kvm -M q35 -nodefaults -display none -m 64 -smp 2 \
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \
		-qmp "unix:$tmp/$name,server=on,wait=off" "$@" 2>"$tmp/$name.err" &
	eval "$name=$!"
	cleanup "kill ${!name} 2>/dev/null"
	wait_for 20 test -S "$tmp/$name"
}

# qmp NAME COMMAND [ARGUMENTS]: its answer.
qmp()
{
	python3 - "$tmp/$1" "$2" "${3:-{\}}" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		def ask(what, arguments):
		    f.write(json.dumps({"execute": what, "arguments": arguments}) + "\n")
		    f.flush()
		    while True:
		        answer = json.loads(f.readline())
		        if "event" not in answer and "QMP" not in answer:
		            return answer
		ask("qmp_capabilities", {})
		print(json.dumps(ask(sys.argv[2], json.loads(sys.argv[3]))))
	END
}

agent()
{
	"$builddir/tests/kvm-agent" "$@"
}

# of PID PATH: a figure of what the library says.
of()
{
	agent show "$1" | python3 -c 'import json, sys
at = json.load(sys.stdin)
for part in sys.argv[1].split("."):
    at = at[int(part)] if part.isdigit() else at[part]
print(at)' "$2"
}

# lost PID: by how much less its kvmclock went on than its host's clock, between the two newest captures, in ns.
lost()
{
	agent show "$1" | python3 -c 'import json, sys
at = json.load(sys.stdin)
now, then = at["capture"], at["before"]
print(now["realtime_ns"] - then["realtime_ns"] - (now["clock"] - then["clock"]))'
}

# Does this KVM set a vCPU's TSC offset?  One that gives guests the host's own TSC takes it and does nothing, and before Linux 5.16 there is none.
sets_offsets()
{
	python3 - <<-'END'
		import ctypes, fcntl, os, struct, sys
		SET, GET = 0x4018AEE1, 0x4018AEE2
		vcpu = fcntl.ioctl(fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xAE01, 0), 0xAE41, 0)
		offset = ctypes.c_int64()
		attribute = struct.pack("IIQQ", 0, 0, 0, ctypes.addressof(offset))
		try:
		    fcntl.ioctl(vcpu, GET, attribute)
		    wanted = offset.value = offset.value - 10**9
		    fcntl.ioctl(vcpu, SET, attribute)
		    fcntl.ioctl(vcpu, GET, attribute)
		except OSError:
		    sys.exit(1)
		sys.exit(offset.value != wanted)
	END
}

status_is()
{
	qmp "$1" query-status | grep -q "\"$2\""
}

qemu from || skip_all "QEMU does not start with this KVM: $(tail -n 1 "$tmp/from.err")"
wait_for 10 agent show "$from" >/dev/null || skip_all "QEMU does not start with this KVM: $(tail -n 1 "$tmp/from.err")"
wait_for 10 status_is from running
is "both vCPUs are known, in QEMU's sandbox" "$(of "$from" vcpus.1.id)" 1
like "a guest that runs is sampled" "$(agent sample "$from")" '"clock":[1-9]'

before=$(of "$from" capture.number)
qmp from stop >/dev/null
ok "QEMU reads the clock of a guest that stops: it is captured" [ "$(of "$from" capture.number)" -gt "$before" ]
is "with the offsets of both vCPUs" "$(of "$from" vcpus.0.flags)$(of "$from" vcpus.1.flags)" 11
sleep 0.5
qmp from cont >/dev/null
is "unarmed, nothing comes of it" "$(of "$from" outcome.result)" nothing
qmp from stop >/dev/null
ok "the guest has lost the half second, as with every QEMU" [ "$(lost "$from")" -gt 500000000 ]

agent arm "$from" --direction source
sleep 0.5
qmp from cont >/dev/null
is "armed, as a migration that fails leaves it, the clock is kept" "$(of "$from" outcome.result)" kept
qmp from stop >/dev/null
ok "the guest has lost nothing" [ "$(lost "$from")" -lt 1000000 ]
note "kept: residual $(of "$from" outcome.residual_ns) ns, took $(of "$from" outcome.took_ns) ns, of which $(of "$from" outcome.bare_ns) ns in KVM"
agent disarm "$from"
qmp from cont >/dev/null

qemu to -incoming defer -S
qmp to migrate-incoming "{\"uri\": \"unix:$tmp/stream\"}" >/dev/null
qmp from migrate "{\"uri\": \"unix:$tmp/stream\"}" >/dev/null
wait_for 30 status_is from postmigrate
ok "it migrates" wait_for 30 status_is to paused
agent show "$from" >"$tmp/record"
agent arm "$to" --direction destination --record "$tmp/record" --offset-ns 0
sleep 0.3
qmp to cont >/dev/null
ok "and runs there" wait_for 5 status_is to running
result=$(of "$to" outcome.result)
note "result $result, step $(of "$to" outcome.step), elapsed $(of "$to" outcome.elapsed_ns) ns, residual $(of "$to" outcome.residual_ns) ns," \
	"took $(of "$to" outcome.took_ns) ns, of which $(of "$to" outcome.bare_ns) ns in KVM"
qmp to stop >/dev/null
elapsed=$(($(of "$to" capture.clock) - $(of "$from" capture.clock)))
real=$((($(of "$to" capture.realtime_ns) - $(of "$from" capture.realtime_ns))))
if sets_offsets; then
	is "this KVM can set a TSC: its clocks were carried" "$result" carried
	is "its vCPUs are as far apart as they were" $(($(of "$to" vcpus.0.after) - $(of "$to" vcpus.1.after))) \
		$(($(of "$from" vcpus.0.offset) - $(of "$from" vcpus.1.offset)))
	ok "the guest has lost nothing on the way: $elapsed of $real ns" [ $((real - elapsed)) -lt 1000000 ]
else
	is "this KVM cannot set a TSC: it was left to QEMU, for that reason" "$result $(of "$to" outcome.step)" "left offsets"
	ok "the guest has lost what QEMU lets it lose: $((real - elapsed)) ns" [ $((real - elapsed)) -gt 200000000 ]
fi
is "QEMU had nothing to say" "$(cat "$tmp/from.err" "$tmp/to.err" | grep -v 'support requested feature')" ""
finish
