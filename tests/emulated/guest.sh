# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Guests of the emulated hosts, under their KVM, and the outside tick stream
# that each of them feeds: a virtio port whose QEMU, on whichever host,
# connects to the collector on R.

emu_port=7000

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

# emu_start HOST GUEST: starts it and waits until its clock can be read.
emu_start()
{
	emu_virsh "$1" start "$2" && wait_for 300 emu_virsh "$1" domtime "$2"
}

# emu_migrate FROM TO GUEST [virsh options]: libvirt alone, as any manager does it.
emu_migrate()
{
	local from=$1 to=$2 guest=$3
	shift 3
	emu_virsh "$from" migrate --live --p2p --persistent --undefinesource "$@" "$guest" "qemu+tcp://h$to/system"
}

# emu_trusts GUEST CLOCKSOURCE: it runs on that, and its log has no word of giving one up.
emu_trusts()
{
	local host log
	log=$(for host in A B; do emu_in $host cat "/var/log/libvirt/qemu/console-$1" 2>/dev/null; done)
	grep -q "^clocksource $2" <<<"$log" && ! grep -i 'marking clocksource' <<<"$log"
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
