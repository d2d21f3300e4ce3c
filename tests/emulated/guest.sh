# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Guests of the emulated hosts, under their KVM, and the outside tick stream
# that each of them feeds: a virtio port whose QEMU, on whichever host,
# connects to the collector on R.

emu_port=7000
declare -A emu_clocksource=() # of each guest
emu_stood=() # what clocks.py is told of guests that stood still where they stayed

# emu_collect GUEST: its stream goes to $RIG_DIR/ticks-GUEST.
emu_collect()
{
	emu_port=$((emu_port + 1))
	rig_in R sh -c '"$@" </dev/null >>"'"$RIG_DIR/ticks-$1"'" 2>>/var/log/collect.log &' sh "$rig_programs/collect" \
		--listen $emu_port "A=$(rig_address A)" "B=$(rig_address B)"
}

# emu_define HOST GUEST [vcpus=N] [mem=MB] [clocksource=NAME] [words of the guest's init...]
emu_define()
{
	local host=$1 guest=$2 word words="console=ttyS0 each tick=5" xml=$RIG_DIR/$2.xml
	local vcpus=1 mem=128 clocksource=kvm-clock preload=
	shift 2
	for word; do
		case $word in
		vcpus=* | mem=* | clocksource=*) printf -v "${word%%=*}" %s "${word#*=}" ;;
		*) words+=" $word" ;;
		esac
	done
	emu_clocksource[$guest]=$clocksource
	# Emulated hosts have no invariant TSC that they could promise; with one vCPU Linux goes on watching it.
	[ "$clocksource" = kvm-clock ] || words+=" clocksource=$clocksource"
	[ "$clocksource,$vcpus" = tsc,1 ] || [ "$clocksource" != tsc ] || words+=" tsc=reliable"
	[ "${EMU_PRELOAD:-}" != domain ] ||
		preload="<qemu:commandline><qemu:env name='LD_PRELOAD' value='$(emu_installed pkglibdir)/libclockferry-kvm.so'/></qemu:commandline>"
	emu_collect "$guest"
	cat >"$xml" <<-X
		<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		<name>$guest</name><uuid>$(cat /proc/sys/kernel/random/uuid)</uuid><memory unit='MiB'>$mem</memory><vcpu>$vcpus</vcpu>
		<os><type arch='x86_64' machine='q35'>hvm</type>
		<kernel>/var/lib/clockferry-guest/vmlinuz</kernel><initrd>/var/lib/clockferry-guest/initrd</initrd><cmdline>$words</cmdline></os>
		<features><acpi/><apic/></features><cpu mode='host-passthrough'/><clock offset='utc'/>
		<on_poweroff>destroy</on_poweroff><on_crash>destroy</on_crash>
		<devices>
		<serial type='file'><source path='/var/log/libvirt/qemu/console-$guest' append='on'/><target port='0'/></serial>
		<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
		<channel type='tcp'><source mode='connect' host='$(rig_address R)' service='$emu_port'/><protocol type='raw'/>
		<target type='virtio' name='org.clockferry.tick.0'/></channel>
		<memballoon model='none'/>
		</devices>$preload</domain>
	X
	emu_put "$host" "$xml" "/root/$guest.xml" && emu_virsh "$host" define "/root/$guest.xml"
}

emu_virsh()
{
	local host=$1
	shift
	emu_in "$host" virsh -q "$@"
}

# emu_start HOST GUEST: starts it and waits until its clock can be read, and is the one that it was told to use; what it has
# said of clocks until then, as it may, is kept.
emu_start()
{
	emu_virsh "$1" start "$2" && wait_for 300 emu_virsh "$1" domtime "$2" || return
	wait_for 60 emu_runs_on "$2" || { emu_console "$2"; return 1; }
	sleep 2 # until it has said so, too
	emu_given_up "$2" >"$RIG_DIR/booted-$2"
}

# emu_console GUEST: what it said on each host, in that order.
emu_console()
{
	local host
	for host in A B; do
		emu_in $host cat "/var/log/libvirt/qemu/console-$1" 2>/dev/null
	done
}

# emu_given_up GUEST: what its kernel said of clocks that it changed, each but once: its init says some again, in its own time.
emu_given_up()
{
	emu_console "$1" | tr -d '\r' | sed 's/^<[0-9]*>//' | grep -iE 'marking (clocksource|tsc)|switched to clocksource|clocksource.*unstable' | sort -u
}

# emu_ask HOST GUEST COMMAND [ARGUMENTS]: of the guest's agent.
emu_ask()
{
	emu_virsh "$1" qemu-agent-command "$2" "{\"execute\": \"$3\", \"arguments\": {${4:-}}}"
}

# emu_runs_on GUEST: is its kernel's clock the one it was told to use?
emu_runs_on()
{
	local host=A file clock
	[ "$(emu_virsh A domstate "$1" 2>/dev/null)" = running ] || host=B
	file=$(emu_ask $host "$1" guest-file-open '"path": "/sys/devices/system/clocksource/clocksource0/current_clocksource"' | pick 'v["return"]') &&
		clock=$(emu_ask $host "$1" guest-file-read "\"handle\": $file" | pick '__import__("base64").b64decode(v["return"]["buf-b64"]).decode()') &&
		emu_ask $host "$1" guest-file-close "\"handle\": $file" >/dev/null || return
	echo "$1 runs on $clock"
	[ "$clock" = "${emu_clocksource[$1]}" ]
}

# emu_migrate FROM TO GUEST [virsh options]: libvirt alone, as any manager does it.
emu_migrate()
{
	local from=$1 to=$2 guest=$3
	shift 3
	emu_virsh "$from" migrate --live --p2p --persistent --undefinesource "$@" "$guest" "qemu+tcp://h$to/system"
}

# emu_trusts GUEST: it still runs on the clock it was told to use, and has not said since it was started that it gave one up.
emu_trusts()
{
	emu_console "$1" | grep -q BOOTED || { echo "nothing is known of what it said"; return 1; }
	wait_for 30 emu_runs_on "$1" || { emu_runs_on "$1"; return 1; }
	! emu_given_up "$1" | grep -vxFf "$RIG_DIR/booted-$1"
}

# emu_verdict GUEST EXPRESSION: Python over what its tick stream says, v.
emu_verdict()
{
	pick "$2" <"$RIG_DIR/verdict-$1"
}

# emu_judge GUEST VCPUS BOUND...: what its tick stream says of each change of host, at which its clocks may have lost so much,
# in ns, or anything (None), for then they were not carried; emu_stood is what clocks.py is told beside it.
emu_judge()
{
	local guest=$1 vcpus=$2 all carried still
	shift 2
	all="[$(IFS=,; echo "$*")]"
	carried="[(c, b) for c, b in zip(v['changes'], $all) if b is not None]"
	still="$carried + [(c, 0) for c in v['pauses'] if c['told']]"
	ok "$guest: the tick stream tells what its clocks lost" \
		sh -c 'said=$1; shift; "$@" >"$said"' sh "$RIG_DIR/verdict-$guest" "$srcdir/tests/emulated/clocks.py" "${emu_stood[@]}" "$RIG_DIR/ticks-$guest" || return
	note "$guest: bounds: $all ns; jitter: $(emu_verdict "$guest" 'v["jitter_ns"]'); silent for $(emu_verdict "$guest" '[c["gap_ns"] // 10**6 for c in v["changes"]]') ms"
	note "$guest: lost $(emu_verdict "$guest" '[{who: {clock: tuple(round(x / 1e6, 3) for x in i.values()) for clock, i in lost.items()} for who, lost in c["lost_ns"].items()} for c in v["changes"]]') ms"
	is "$guest: it changed hosts as often as it was moved" "$(emu_verdict "$guest" 'len(v["changes"])')" $#
	is "$guest: it never booted again" "$(emu_verdict "$guest" 'v["boots"]')" 1
	is "$guest: no clock that was carried lost more than its bound and the jitter" \
		"$(emu_verdict "$guest" "[(c['to'], who, clock) for c, b in $carried for who, lost in c['lost_ns'].items() for clock, i in lost.items() if i['low_ns'] > b or i['high_ns'] < -b]")" "[]"
	is "$guest: each vCPU was heard of" "$(emu_verdict "$guest" 'v["vcpus"]')" "$vcpus"
	note "$guest: sleepers $(emu_verdict "$guest" "[c['sleeps'] for c, _ in $still]")"
	is "$guest: some slept through each of that" "$(emu_verdict "$guest" "[c['at_ns'] for c, _ in $still if not c['sleeps']['late_ns']]")" "[]"
	is "$guest: ... and woke in time by its own clock" \
		"$(emu_verdict "$guest" "[x for c, _ in $still for x in c['sleeps']['late_ns'] if x > c['sleeps']['control_ns'] + 10**8]")" "[]"
	is "$guest: ... and by the machine's" \
		"$(emu_verdict "$guest" "[x for c, b in $still for x in c['sleeps']['outside_ns'] if x > c['sleeps']['outside_control_ns'] + b + 10**8]")" "[]"
	[ "$vcpus" = 1 ] || emu_judge_together "$guest" "$still"
}

# emu_judge_together GUEST CHANGES: its vCPUs' TSCs did not come apart at those.
emu_judge_together()
{
	note "$1: a TSC was behind another by $(emu_verdict "$1" "[c['behind_ns'] for c, _ in $2]") ns; they moved apart by $(emu_verdict "$1" "[c['apart_ns'] for c, _ in $2]") ns"
	is "$1: no vCPU's TSC moved from another's by more than the jitter of both" \
		"$(emu_verdict "$1" "[c['apart_ns'] for c, _ in $2 if c['apart_ns'] > 2 * v['jitter_ns']['TSC']]")" "[]"
	is "$1: ... and none saw another's behind its own that had not before" \
		"$(emu_verdict "$1" "[c['behind_ns'] for c, _ in $2 if c['behind_ns'][1] > c['behind_ns'][0] + v['jitter_ns']['TSC']]")" "[]"
}

# emu_table GUEST [LABEL BOUND]...: a row for each change of host.
emu_table()
{
	note "$("$srcdir/tests/emulated/clocks.py" "${emu_stood[@]}" "$RIG_DIR/ticks-$1" "${@:2}")"
}

# emu_tails: of what guests and hosts said on their consoles, when something failed.
emu_tails()
{
	local host file
	for host in A B; do
		note "the end of h$host's console:"
		tail -n 20 "$RIG_DIR/$host/console" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
		[ -e "$RIG_DIR/ssh/config" ] || continue
		for file in "$RIG_DIR"/ticks-*; do
			[ -e "$file" ] || continue
			note "the end of ${file##*/ticks-}'s console on h$host:"
			emu_in $host tail -n 20 "/var/log/libvirt/qemu/console-${file##*/ticks-}" 2>&1 | tr -d '\r' | sed 's/^/# /'
		done
	done
}

# emu_keep GUEST: what it and the hosts' kernels said goes to EMU_TICKS, if anybody wants to read it.
emu_keep()
{
	local host
	[ "${EMU_TICKS:-}" ] || return 0
	cp "$RIG_DIR/ticks-$1" "$EMU_TICKS"
	for host in A B; do
		emu_in $host cat "/var/log/libvirt/qemu/console-$1" >"$EMU_TICKS/console-$1-$host" 2>/dev/null
		cp "$RIG_DIR/$host/console" "$EMU_TICKS/console-$host"
	done
}
