# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# libvirtd of a host of the rig.

rig_host_uuid()
{
	case $1 in
	A) echo aaaaaaaa-0000-4000-8000-00000000000a ;;
	*) echo bbbbbbbb-0000-4000-8000-00000000000b ;;
	esac
}

# Peer-to-peer migration asks the other libvirtd over TCP; on this network there is nobody else.
# RIG_KEEPALIVE: who is silent for six times as many seconds has no connection with it any more (default: 5).
# RIG_QEMU_USER: who QEMU runs as, and whose libvirt makes its images meanwhile (default: root, and they stay whose they are).
rig_libvirt_conf()
{
	local address owned=0
	address=$(rig_address "$1")
	[ ! "${RIG_QEMU_USER:-}" ] || owned=1
	cat >"$RIG_DIR/$1/etc/libvirt/libvirtd.conf" <<-C
		listen_tls = 0
		listen_tcp = 1
		listen_addr = "$address"
		auth_tcp = "none"
		auth_unix_rw = "none"
		auth_unix_ro = "none"
		unix_sock_rw_perms = "0700"
		host_uuid = "$(rig_host_uuid "$1")"
		log_outputs = "${RIG_LEVEL:-2}:file:/var/log/libvirt/libvirtd.log"
		log_filters = "3:object 3:event 3:util.threadjob 3:rpc.keepalive 3:util.file 3:util.command 3:access"
		keepalive_interval = ${RIG_KEEPALIVE:-5}
	C
	cat >"$RIG_DIR/$1/etc/libvirt/qemu.conf" <<-C
		user = "${RIG_QEMU_USER:-root}"
		group = "${RIG_QEMU_USER:-root}"
		dynamic_ownership = $owned
		remember_owner = $owned
		security_driver = "none"
		namespaces = []
		cgroup_controllers = []
		stdio_handler = "file"
		migration_host = "$address"
	C
}

# What libvirtd finds out about each QEMU takes it seconds.  It is kept from one rig to the next; libvirtd sees by itself what
# is no longer so, as after an upgrade.
rig_libvirt_recall()
{
	[ ! -d "$RIG_CACHE/capabilities" ] || flock "$RIG_CACHE/lock" cp -a "$RIG_CACHE/capabilities" "$RIG_DIR/$1/cache/libvirt/qemu"
}

rig_libvirt_remember()
{
	local kept=$RIG_CACHE/capabilities found=$RIG_DIR/$1/cache/libvirt/qemu/capabilities
	diff -rq "$found" "$kept" >/dev/null 2>&1 ||
		flock "$RIG_CACHE/lock" sh -c 'rm -rf "$2" && cp -a "$1" "$2"' sh "$found" "$kept"
}

# rig_libvirtd HOST start|stop|kill|restart|freeze|thaw: guests keep running.  In a migration a stop takes 30 s.
# RIG_NFS: a folder which it is to take for one on NFS, as the other host does.
rig_libvirtd()
{
	case $2 in
	start)
		rig_in "$1" env ${RIG_NFS:+RIG_NFS="$RIG_NFS"} sh -c '
			[ ! "$RIG_NFS" ] || export LD_PRELOAD="$1${LD_PRELOAD:+ $LD_PRELOAD}"
			libvirtd --listen -d -p /run/libvirtd.pid </dev/null >>/var/log/libvirt/stdio.log 2>&1' sh "$rig_programs/nfs.so"
		;;
	stop) # as systemd does (in half its 90 s): 9.0 hangs at its end when who migrates stands between two phases
		rig_in "$1" sh -c 'kill $(cat /run/libvirtd.pid)'
		wait_for 15 not rig_in "$1" pgrep -x libvirtd || rig_libvirtd "$1" kill
		;;
	kill) rig_in "$1" sh -c 'kill -9 $(cat /run/libvirtd.pid)' && wait_for 20 not rig_in "$1" pgrep -x libvirtd ;;
	freeze) rig_in "$1" sh -c 'kill -STOP $(cat /run/libvirtd.pid)' ;;
	thaw) rig_in "$1" sh -c 'kill -CONT $(cat /run/libvirtd.pid)' ;;
	restart) rig_libvirtd "$1" stop && rig_libvirtd "$1" start && wait_for 30 rig_virsh "$1" version ;;
	*) return 2 ;;
	esac
}

rig_virsh()
{
	local host=$1
	shift
	rig_in "$host" virsh -q -c qemu:///system "$@"
}

# rig_migrate FROM TO GUEST [virsh options]: libvirt alone, as any manager does it.
rig_migrate()
{
	local from=$1 to=$2 guest=$3
	shift 3
	rig_virsh "$from" migrate --live --p2p --persistent --undefinesource "$@" "$guest" "qemu+tcp://h$to/system"
}
