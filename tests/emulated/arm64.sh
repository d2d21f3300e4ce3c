#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# arm64's part of libclockferry-kvm.so on a real KVM: two emulated arm64 machines with EL2,
# Debian 13's kernel and QEMU, and different up-times, for on one machine CNTPCT never jumps.
# Of libvirt and agents there is nothing here; tests/kvm-agent plays their part.  Two guests,
# one after the other: Linux, whose clocks are made of CNTVCT, and one without a kernel
# (arm64/bare.c), which sees CNTPCT.  Each is moved by QEMU alone, and there and back with the
# library armed.  The outside tick stream is the judge.
. "$srcdir/tests/emulated/emu.sh"
requires_root
requires_command qemu-system-aarch64 aarch64-linux-gnu-gcc mmdebstrap ip nsenter unshare python3 cpio busybox
[ -x "$rig_programs/host" ] || skip_all "needs $rig_programs/host: make check builds it"
[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"
[ "$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 6 ] || skip_all "needs 6 GiB of memory"
reason=$(unshare -nmuip --fork true 2>&1) || skip_all "may not make namespaces here: $reason"
reason=$("$srcdir/tests/emulated/arm64/image.sh" "$RIG_CACHE" 2>&1) || skip_all "no machine could be made: ${reason##*$'\n'}"
image=$RIG_CACHE/arm64
uptime_apart=10

## What is ours, built for arm64: into the machine, and into its guests

cc()
{
	aarch64-linux-gnu-gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-missing-field-initializers -I"$srcdir" "$@"
}

build()
{
	local root=$RIG_DIR/root guest=$RIG_DIR/guest name inside=()
	mkdir -p "$root"/{bin,lib,guest} "$guest"/{bin,mod,proc,sys,dev,run}
	for name in arm64 cnt instant interpose machine outcome page vm; do
		inside+=("$srcdir/kvm/$name.c")
	done
	cc -DNDEBUG -fPIC -fvisibility=hidden -shared -Wl,-z,defs "-Wl,--version-script=$srcdir/kvm/kvm.map" \
		-o "$root/lib/libclockferry-kvm.so" "${inside[@]}" "$srcdir/policy/counter.c" || return
	# json-c's headers are the same for every machine; and its libc may be younger than the compiler's.
	cc -idirafter /usr/include -Wl,--unresolved-symbols=ignore-in-shared-libs -o "$root/bin/kvm-agent" "$srcdir/tests/kvm-agent.c" \
		"$srcdir/daemon/virt/kvm-page.c" "$srcdir/daemon/clock/kernel.c" "$srcdir/proto/error.c" "$image/lib/libjson-c.so.5" || return
	cc -static -o "$root/bin/utc" "$srcdir/tests/emulated/arm64/utc.c" || return
	cc -static -pthread -o "$guest/bin/tick" "$srcdir/tests/rig/guest/tick.c" || return
	cc -ffreestanding -fno-pic -mgeneral-regs-only -mstrict-align -nostdlib -static -no-pie -Wl,-Ttext-segment=0x40100000 \
		-Wl,--build-id=none -o "$root/guest/bare" "$srcdir/tests/emulated/arm64/bare.c" || return
	cp "$image/busybox" "$guest/bin" && : >"$guest/mod/order" && cp "$srcdir/tests/rig/guest/init" "$guest/init" || return
	cp "$srcdir/tests/emulated/arm64/machine" "$root/init" && cp "$image/vmlinuz" "$root/guest" || return
	(cd "$guest" && find . | cpio --quiet -o -H newc) >"$root/guest/initrd" || return
	{ cat "$image/base" && cd "$root" && find . | cpio --quiet -o -H newc; } >"$RIG_DIR/machine"
}

## The machines

boot()
{
	local host=$1 dir=$RIG_DIR/$1
	mkdir -p "$dir"
	rig_in R sh -c '"$@" </dev/null >"'"$dir/qemu.log"'" 2>&1 &' sh qemu-system-aarch64 -name "h$host" -pidfile "$dir/qemu.pid" \
		-M virt,virtualization=on,gic-version=3 -cpu max,pauth-impdef=on -accel tcg,thread=multi -smp 2 -m 1536 \
		-display none -nodefaults -no-reboot -kernel "$image/vmlinuz" -initrd "$RIG_DIR/machine" \
		-append "console=ttyAMA0 rdinit=/init quiet address=$(rig_address "$host")" -serial "file:$dir/console" \
		-netdev "tap,id=wire,ifname=to$host,script=no,downscript=no" -device "virtio-net-pci,netdev=wire,romfile=,mac=$(emu_mac "$host")"
}

up()
{
	rig_furnish R && rig_boot R || return
	rig_place R
	wait_for 10 test -s "$RIG_DIR/R/pid" -a -e "$RIG_DIR/R/ready" && emu_wire && boot A && sleep $uptime_apart && boot B &&
		wait_for 120 on A true && wait_for 120 on B true
}

# on HOST COMMANDS: by that machine's shell.
on()
{
	local said
	said=$(printf '{ %s\n} 2>&1\necho "status $?"\n' "$2" | rig_in R busybox nc -w 5 "$(rig_address "$1")" 2300)
	printf %s "${said%status *}"
	[ "${said##*status }" = 0 ]
}

# qemu HOST GUEST [options]: one for that guest.
qemu()
{
	local host=$1 guest=$2 options
	case $guest in
	linux) options="-kernel /guest/vmlinuz -initrd /guest/initrd -append 'console=ttyAMA0 each tick=5 noagent nohwclock' -serial file:/var/log/console
		-device virtio-serial-pci -device virtserialport,chardev=ticks,name=org.clockferry.tick.0" ;;
	bare) options="-kernel /guest/bare -serial chardev:ticks" ;;
	esac
	on "$host" "LD_PRELOAD=/lib/libclockferry-kvm.so setsid qemu-system-aarch64 -M virt,gic-version=3 -accel kvm -cpu host,pmu=off -m 192 \
		-display none -nodefaults -pidfile /run/guest.pid -monitor tcp:127.0.0.1:4444,server=on,wait=off \
		-chardev socket,id=ticks,host=$(rig_address R),port=$emu_port $(echo "$options" | tr '\n' ' ') ${*:3} </dev/null >/var/log/qemu 2>&1 &"
	wait_for 60 on "$host" 'test -s /run/guest.pid && kill -0 $(cat /run/guest.pid)'
}

# monitor HOST COMMAND: of QEMU.
monitor()
{
	on "$1" "(echo '$2'; sleep 1) | nc 127.0.0.1 4444"
}

agent()
{
	on "$1" "kvm-agent $2 \$(cat /run/guest.pid) $3"
}

is_status()
{
	monitor "$1" "info status" | grep -q "VM status: $2"
}

# stays GUEST SECONDS LINES: for so long at least, and until its stream has so many lines more, which take their time where the
# machine is slow: the judge needs some of each stay.
stays()
{
	local enough=$(($(wc -l <"$RIG_DIR/ticks-$1") + $3))
	sleep "$2"
	wait_for 180 eval "[ \$(wc -l <'$RIG_DIR/ticks-$1') -ge $enough ]"
}

# move FROM TO GUEST [carried]
move()
{
	local from=$1 to=$2 guest=$3 low high
	qemu "$to" "$guest" -S -incoming tcp:0:4445
	ok "$guest: a QEMU waits on h$to" wait_for 60 is_status "$to" "paused (inmigrate)" || return
	[ ! "${4:-}" ] || read -r low high < <(rig_in R python3 "$srcdir/tests/emulated/arm64/utc.py" "$(rig_address "$from")" "$(rig_address "$to")")
	monitor "$from" "migrate -d tcp:$(rig_address "$to"):4445" >/dev/null
	ok "$guest: it moves from h$from to h$to" wait_for 120 is_status "$from" 'paused (postmigrate)' || { note "$(monitor "$from" "info migrate"; on "$to" "cat /var/log/qemu")"; return; }
	if [ "${4:-}" ]; then
		agent "$from" show >"$RIG_DIR/record"
		on "$to" "echo '$(cat "$RIG_DIR/record")' >/run/record" &&
			agent "$to" arm "--direction destination --record /run/record --offset-ns $(((low + high) / 2)) --expires-s 300"
		bounds+=($(((high - low) / 2)))
	else
		bounds+=(None)
	fi
	monitor "$to" cont >/dev/null
	ok "$guest: it runs there" wait_for 20 is_status "$to" running || note "$(on "$to" "cat /var/log/qemu")"
	if [ "${4:-}" ]; then
		agent "$to" show >"$RIG_DIR/outcome"
		is "$guest: the library carried its counters" "$(pick '(v["outcome"]["result"], v["outcome"]["step"])' <"$RIG_DIR/outcome")" "('carried', 'none')"
		is "$guest: CNTPCT, too" "$(pick 'v["outcome"]["flags"] >> 6 & 1' <"$RIG_DIR/outcome")" 1
		note "$guest: $(pick '{k: o[k] for o in [v["outcome"]] for k in ("elapsed_ns", "residual_ns", "residual_phys_ns", "residual_width_ns", "took_ns", "flags")}' <"$RIG_DIR/outcome")"
	fi
	monitor "$from" quit >/dev/null
	wait_for 20 not on "$from" 'kill -0 $(cat /run/guest.pid)'
	stays "$guest" 10 200
}

verdict()
{
	pick "$1" <"$RIG_DIR/verdict"
}

# guest GUEST: all of that.
guest()
{
	local guest=$1 all
	bounds=()
	emu_collect "$guest"
	ok "$guest: it starts" qemu A "$guest"
	ok "$guest: ... and ticks" wait_for 120 test -s "$RIG_DIR/ticks-$guest" || { note "$(on A "cat /var/log/qemu /var/log/console")"; return; }
	stays "$guest" 20 300
	move A B "$guest"
	move B A "$guest" carried
	move A B "$guest" carried
	monitor B quit >/dev/null
	[ ! "${EMU_TICKS:-}" ] || cp "$RIG_DIR/ticks-$guest" "$EMU_TICKS"
	ok "$guest: the tick stream tells what its clocks lost" sh -c '"$1" "$2" >"$3"' sh "$srcdir/tests/emulated/clocks.py" "$RIG_DIR/ticks-$guest" "$RIG_DIR/verdict"
	all="[$(IFS=,; echo "${bounds[*]}")]"
	note "$guest: bounds of the offset: $all ns; jitter: $(verdict 'v["jitter_ns"]'); silent for $(verdict '[c["gap_ns"] // 10**6 for c in v["changes"]]') ms"
	is "$guest: it changed machines as often as it was moved" "$(verdict 'len(v["changes"])')" 3
	is "$guest: it never booted again" "$(verdict 'v["boots"]')" 1
	is "$guest: no clock that was carried lost more than the offset's bound and the jitter" \
		"$(verdict "[(c['to'], who, clock) for c, b in zip(v['changes'], $all) if b is not None for who, lost in c['lost_ns'].items() for clock, i in lost.items() if i['low_ns'] > b or i['high_ns'] < -b]")" "[]"
	is "$guest: its two clocks (CNTPCT and CNTVCT, where it is bare) moved by the same" \
		"$(verdict '[c["to"] for c in v["changes"][1:] if abs(c["corrected_ns"]) > 10**6]')" "[]"
	is "$guest: QEMU alone loses CNTVCT, and it shows" "$(verdict 'v["changes"][0]["lost_ns"]["0"]["TSC"]["low_ns"] > 0')" True
	is "$guest: there was one copy at a time" "$(verdict 'v["rollbacks"] + v["two_copies"]')" "[]"
	is "$guest: while it was carried none went back" "$(verdict '[each for each in v["back"] if each["at_ns"] > v["changes"][0]["at_ns"] + 10**9]')" "[]"
	emu_table "$guest" "QEMU alone" "${bounds[0]}" "library, to the older machine" "${bounds[1]}" "library, to the younger one" "${bounds[2]}"
}

cleanup emu_down
rig_folder
ok "library and programs build for arm64" build || finish
up || { tail -n 5 "$RIG_DIR"/[AB]/{qemu.log,console}; echo "Bail out! the machines did not come up"; exit 1; }
ok "both have a KVM" eval "on A 'test -c /dev/kvm' && on B 'test -c /dev/kvm'"
note "up for: $(on A 'cat /proc/uptime') and $(on B 'cat /proc/uptime')"
ok "their up-times differ" python3 -c "import sys; sys.exit(not float(sys.argv[1].split()[0]) > float(sys.argv[2].split()[0]) + $uptime_apart / 2)" \
	"$(on A 'cat /proc/uptime')" "$(on B 'cat /proc/uptime')"
guest linux
guest bare
finish
