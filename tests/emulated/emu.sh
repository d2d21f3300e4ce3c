# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Two whole hosts: A and B (hA 10.99.0.1, hB 10.99.0.2) are Debian machines
# under QEMU's TCG, each with a kernel, a clock, a systemd and a /dev/kvm of its
# own; R (10.99.0.254) is the rig's, a namespace of this machine, where the
# reference clock and the collector of tick streams live, and whose end is the
# end of everything.  clockferry is there as `make install` puts it.  A test says:
#
#	. "$srcdir/tests/emulated/emu.sh"
#	requires_emu
#	emu_up
#	emu_define A g vcpus=2 && emu_start A g
#	emu_in A clockferry migrate g hB
#	...
#	finish
#
# and whatever happens to it, nothing stays behind.
#
# EMU_A, EMU_B    Debian release of that host (default: EMU_RELEASE, bookworm)
# EMU_SKEW_B      seconds that B's chronyd is told to be ahead of its reference
# EMU_CPUS        processors of a host (default: 2)
# EMU_APPARMOR    1: AppArmor is on, with Debian's profiles
# EMU_PRELOAD     host: `clockferry kvm on` has libvirtd hand libclockferry-kvm.so to its QEMUs; domain: a guest's own XML has it loaded
# EMU_TICKS       a folder: the tick streams, and what guests and kernels said on their consoles, are left there
# RIG_DIR, RIG_CACHE   as for the rig

. "$srcdir/tests/rig/rig.sh"
. "$srcdir/tests/emulated/guest.sh"

: "${EMU_RELEASE:=bookworm}" "${EMU_CPUS:=2}"
: "${EMU_A:=$EMU_RELEASE}" "${EMU_B:=$EMU_RELEASE}"
emu_boot_limit=420 emu_infrastructure=0
# Of SVM's newer parts KVM makes use where they are emulated; a host has stopped dead with them when it started a guest.
emu_cpu=max,pmu=off,la57=off,vgif=off,v-vmsave-vmload=off

requires_emu()
{
	local release reason
	requires_root
	requires_command qemu-system-x86_64 mmdebstrap mke2fs ssh ssh-keygen chronyd ip nsenter unshare python3 cpio
	[ -x "$rig_programs/host" ] || skip_all "needs $rig_programs/host: make check builds it"
	[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"
	[ "$(uname -m)" = x86_64 ] || skip_all "its hosts are x86-64"
	[ "$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 8 ] || skip_all "needs 8 GiB of memory"
	reason=$(unshare -nmuip --fork true 2>&1) || skip_all "may not make namespaces here: $reason"
	reason=$(rig_image 2>&1) || skip_all "no guest could be made: ${reason##*$'\n'}"
	for release in $EMU_A $EMU_B; do
		reason=$("$srcdir/tests/emulated/image.sh" "$RIG_CACHE" "$release" 2>&1) || skip_all "no $release host could be made: ${reason##*$'\n'}"
	done
	rig_again
}

emu_release()
{
	local name=EMU_$1
	echo "${!name}"
}

# emu_in HOST COMMAND...: by root, on that host.
emu_in()
{
	local host=$1
	shift
	rig_in R ssh -F "$RIG_DIR/ssh/config" "h$host" "$(printf '%q ' "$@")" </dev/null
}

# emu_put HOST FILE PATH
emu_put()
{
	rig_in R ssh -F "$RIG_DIR/ssh/config" "h$1" "cat >'$3.new' && mv '$3.new' '$3'" <"$2"
}

emu_keys()
{
	mkdir -p "$RIG_DIR/ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$RIG_DIR/ssh/id" && ssh-keygen -q -t ed25519 -N '' -f "$RIG_DIR/ssh/host" || return
	sed 's/^/* /' "$RIG_DIR/ssh/host.pub" >"$RIG_DIR/ssh/known"
	cat >"$RIG_DIR/ssh/config" <<-C
		User root
		IdentityFile $RIG_DIR/ssh/id
		IdentitiesOnly yes
		UserKnownHostsFile $RIG_DIR/ssh/known
		GlobalKnownHostsFile /dev/null
		ControlMaster auto
		ControlPersist yes
		ControlPath $RIG_DIR/ssh/%h
		ConnectTimeout 5
		ServerAliveInterval 10
		LogLevel ERROR
	C
}

## What a host is given: the tree that its first process copies over its own

emu_seed()
{
	local host=$1 seed=$RIG_DIR/$1/seed
	mkdir -p "$seed"/{root/.ssh,usr/local/bin,var/lib/clockferry-guest,etc/{ssh,libvirt,chrony}} \
		"$seed"/etc/systemd/{network,system/{multi-user.target.wants,sockets.target.wants}}
	chmod 700 "$seed/root/.ssh"
	make -s -C "$builddir" install DESTDIR="$seed" >/dev/null 2>"$RIG_DIR/install.log" || return
	cp "$RIG_DIR/ssh/id.pub" "$seed/root/.ssh/authorized_keys"
	install -m 600 "$RIG_DIR/ssh/host" "$seed/etc/ssh/ssh_host_ed25519_key"
	echo "HostKey /etc/ssh/ssh_host_ed25519_key" >"$seed/etc/ssh/sshd_config"
	echo "h$host" >"$seed/etc/hostname"
	tr -d - </proc/sys/kernel/random/uuid >"$seed/etc/machine-id" # without it this is a first boot, which enables every unit there is
	printf '127.0.0.1 localhost\n10.99.0.1 hA\n10.99.0.2 hB\n10.99.0.254 hR\n' >"$seed/etc/hosts"
	printf '[Match]\nMACAddress=%s\n[Network]\nAddress=%s/24\n' "$(emu_mac "$host")" "$(rig_address "$host")" >"$seed/etc/systemd/network/wire.network"
	emu_seed_units "$seed"
	emu_seed_chrony "$host" >"$seed/etc/chrony/chrony.conf"
	emu_seed_libvirt "$host" "$seed"
	emu_seed_agent "$host" "$seed"
	emu_seed_faults "$seed"
	cp "$RIG_CACHE/vmlinuz" "$RIG_CACHE/initrd" "$seed/var/lib/clockferry-guest"
	cp "$builddir/tests/kvm-agent" "$seed/usr/local/bin"
}

emu_mac()
{
	case $1 in
	A) echo 52:54:00:99:00:01 ;;
	B) echo 52:54:00:99:00:02 ;;
	esac
}

# emu_installed DIR: where `make install` puts that kind of file.
emu_installed()
{
	local prefix exec_prefix libdir PACKAGE
	prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")
	exec_prefix=$prefix libdir=$prefix/lib PACKAGE=clockferry
	eval echo "$(sed -n "s/^$1 = //p" "$builddir/Makefile" | tr '()' '{}')"
}

# Enabled as `systemctl enable` would; nothing that makes an emulated boot longer.
emu_seed_units()
{
	local etc=$1/etc/systemd/system lib=/lib/systemd/system unit
	ln -s $lib/systemd-networkd.service "$etc/multi-user.target.wants"
	ln -s "$(emu_installed systemdsystemunitdir)/clockferryd.service" "$etc/multi-user.target.wants"
	ln -s $lib/libvirtd-tcp.socket "$etc/sockets.target.wants"
	for unit in libvirt-guests e2scrub_reap; do
		ln -s /dev/null "$etc/$unit.service"
	done
}

emu_seed_chrony()
{
	local more=
	[ "$1" = B ] && [ "${EMU_SKEW_B:-}" ] && more=" offset $EMU_SKEW_B"
	cat <<-C
		server $(rig_address R) iburst minpoll -1 maxpoll 1$more
		driftfile /var/lib/chrony/chrony.drift
		makestep 0.001 10
		rtcsync
	C
}

# Migrating asks the other libvirtd over TCP; on this network there is nobody else.
emu_seed_libvirt()
{
	printf '%s\n' 'auth_tcp = "none"' "host_uuid = \"$(rig_host_uuid "$1")\"" >"$2/etc/libvirt/libvirtd.conf"
	printf '%s\n' "migration_host = \"$(rig_address "$1")\"" >"$2/etc/libvirt/qemu.conf"
}

# What the manual tells an operator to do, and limits that suit hosts whose every guest stands still for seconds, and
# where whoever is asked answers when its turn comes.
emu_seed_agent()
{
	local host=$1 etc
	etc=$2$(emu_installed sysconfdir)/clockferry
	"$srcdir/tests/rig/pki.sh" "$RIG_CACHE/pki" && mkdir -p "$etc/pki" || return
	cp "$RIG_CACHE/pki/ca.pem" "$etc/pki/ca.pem"
	cp "$RIG_CACHE/pki/h$host.pem" "$etc/pki/cert.pem"
	cp "$RIG_CACHE/pki/h$host.key" "$etc/pki/key.pem"
	mkdir -p "$2/etc/tmpfiles.d"
	{
		echo "z $(emu_installed sysconfdir)/clockferry/pki/*.pem 0644 root root"
		echo "z $(emu_installed sysconfdir)/clockferry/pki/key.pem 0400 clockferry clockferry"
	} >"$2/etc/tmpfiles.d/zz-pki.conf"
	cat >"$etc/clockferryd.conf" <<-C
		access {
			peer = { "dns:hA", "dns:hB" }
		}
		peer "$([ "$host" = A ] && echo hB || echo hA)" { }
		libvirt {
			destination-uri = "qemu+tcp://%s/system"
		}
		stop-slack = "100 ms"
		chrony { timeout = "5 s" }
		probe { timeout = "10 s" }
		copy { max-downtime = "300 ms" heartbeat = "10 s" peer-silence = "30 s" }
		guest { timeout = "20 s" correct-within = "1 min" }
		policy "default" {
			max-skew = "1 s"
			max-blackout = "60 s"
			max-residual = "100 ms"
			max-error-bound = "1 s"
			warn = { "clock-contradiction" }
		}
	C
}

# In a build with --enable-faults that file makes the agent fail (daemon/fault.h).
emu_faults=/var/lib/clockferry/faults
emu_seed_faults()
{
	mkdir -p "$1/etc/systemd/system/clockferryd.service.d"
	printf '[Service]\nEnvironment=CLOCKFERRY_FAULTS=%s\n' $emu_faults >"$1/etc/systemd/system/clockferryd.service.d/faults.conf"
}

## The machines

# A bridge on R, and a tap for each host in it.
emu_wire()
{
	local host
	rig_in R ip link add br0 type bridge && rig_in R ip addr add "$(rig_address R)/24" dev br0 && rig_in R ip link set br0 up || return
	# An acknowledgement that waits would make lines of the stream wait for each other.
	rig_in R ip route change "$(rig_address R | sed 's/254$/0/')/24" dev br0 src "$(rig_address R)" quickack 1 || return
	for host in A B; do
		rig_in R ip tuntap add dev "to$host" mode tap && rig_in R ip link set "to$host" master br0 up || return
	done
}

emu_boot()
{
	local host=$1 dir=$RIG_DIR/$1 image words
	image=$RIG_CACHE/$(emu_release "$host")
	words="root=/dev/vda rw init=/sbin/seed-init console=ttyS0 quiet no_timer_check tsc=reliable mitigations=off apparmor=${EMU_APPARMOR:-0}"
	rig_in R sh -c '"$@" </dev/null >"'"$dir/qemu.log"'" 2>&1 &' sh qemu-system-x86_64 -name "h$host" -pidfile "$dir/qemu.pid" \
		-accel tcg,thread=multi -cpu "$emu_cpu" -smp "$EMU_CPUS" -m 2560 -display none -nodefaults -no-reboot \
		-kernel "$image/vmlinuz" -initrd "$image/initrd" -append "$words" -serial "file:$dir/console" -device virtio-rng-pci \
		-drive "file=$image/disk,format=raw,snapshot=on,cache=unsafe,if=virtio" \
		-drive "file=$dir/seed.img,format=raw,cache=unsafe,if=virtio,readonly=on" \
		-netdev "tap,id=wire,ifname=to$host,script=no,downscript=no" -device "virtio-net-pci,netdev=wire,mac=$(emu_mac "$host")"
}

emu_kill()
{
	rig_in R sh -c 'kill -KILL $(cat "$1") && while kill -0 $(cat "$1") 2>/dev/null; do sleep 0.1; done' sh "$RIG_DIR/$1/qemu.pid"
}

# emu_dead: a machine that is no more, or whose kernel is not.  TCG, with a thread for each processor, now and then has one of
# them run what another one's kernel has patched a moment ago (an int3 that is no more there): the machine panics, or resets
# itself, which -no-reboot makes its end.  That says nothing of what is tested, which is taken once more (tests/rig/again.sh).
emu_dead()
{
	local host
	for host in A B; do
		[ -e "$RIG_DIR/$host/console" ] || continue
		[ -e "$RIG_DIR/$host/qemu.pid" ] || echo "the machine of h$host has reset itself"	# QEMU takes it along
		grep -aE 'Kernel panic|BUG: |Oops: ' "$RIG_DIR/$host/console" | grep -v lockup | head -n 3
	done
}

# emu_ready HOST: do all units run that should?
emu_ready()
{
	emu_in "$1" systemctl is-system-running --wait
}

# emu_booted HOST: some boots hang, which is the emulation's doing and says nothing of what is tested; they are
# counted, and twice tried again.
emu_booted()
{
	local host=$1 try
	for try in 1 2 3; do
		wait_for $emu_boot_limit emu_ready "$host" && return
		emu_in "$host" systemctl is-system-running | grep -q degraded && return 1
		emu_infrastructure=$((emu_infrastructure + 1))
		note "infrastructure: h$host did not boot in time, try $try"
		emu_kill "$host"
		[ "$try" = 3 ] || emu_boot "$host" || return
	done
	return 1
}

emu_try_up()
{
	local host
	rig_folder
	emu_keys || return
	rig_furnish R || return
	rig_boot R
	rig_place R
	wait_for 10 test -s "$RIG_DIR/R/pid" -a -e "$RIG_DIR/R/ready" || return
	emu_wire && rig_chrony R start || return
	for host in A B; do
		mkdir -p "$RIG_DIR/$host"
		emu_seed $host || return
		truncate -s 192M "$RIG_DIR/$host/seed.img"
		mke2fs -q -F -t ext4 -O ^has_journal -d "$RIG_DIR/$host/seed" "$RIG_DIR/$host/seed.img" || return
		rm -rf "$RIG_DIR/$host/seed"
		emu_boot $host || return
	done
	for host in A B; do
		emu_booted $host || return
	done
	[ "${EMU_PRELOAD:-}" != host ] || emu_preload
}

# emu_preload: as the manual has it, libvirtd hands the library to every QEMU from now on.
emu_preload()
{
	local host
	for host in A B; do
		emu_in $host clockferry kvm on && emu_in $host systemctl restart libvirtd || return
	done >>"$RIG_DIR/preload.log"
}

# emu_up: a test that cannot have its hosts ends here.
emu_up()
{
	local host
	cleanup emu_down
	[ ! "${RIG_DEAD:-}" ] || cleanup 'emu_dead >"$RIG_DEAD"'
	emu_try_up && return
	note "the hosts did not come up"
	for host in A B; do
		tail -n 20 "$RIG_DIR/$host/qemu.log" "$RIG_DIR/$host/console" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
		emu_in $host systemctl --failed --no-legend 2>&1 | sed 's/^/# /'
	done
	echo "Bail out! the hosts did not come up"
	exit 1
}

emu_down()
{
	[ "$tap_failed" = 0 ] || emu_tails
	rig_down
}
