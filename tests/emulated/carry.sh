# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The agents' part towards libclockferry-kvm.so, played by tests/kvm-agent: what
# a source says before the copy begins is carried over by hand, libvirt migrates.

emu_bounds=() # of the offset, ns, of each emu_carry

# emu_qemu HOST GUEST: the QEMU of that guest there.
emu_qemu()
{
	emu_in "$1" cat "/run/libvirt/qemu/$2.pid"
}

# emu_offset FROM TO: the clock of TO minus that of FROM as their agents measured it, in ns: low, high.
emu_offset()
{
	emu_in "$1" clockferry peers --json | pick '" ".join(str(p["host_offset"][k]) for p in v["list"] if p["host"] == "h'"$2"'" for k in ("low_ns", "high_ns"))'
}

# emu_record HOST GUEST: a point of the map of its clocks, and each vCPU's offset as the kernel shows it.
emu_record()
{
	local host=$1 pid
	pid=$(emu_qemu "$host" "$2") || return
	emu_in "$host" kvm-agent show "$pid" >"$RIG_DIR/shown" && emu_in "$host" kvm-agent sample "$pid" >"$RIG_DIR/sample" &&
		emu_in "$host" sh -c "cd /sys/kernel/debug/kvm/$pid-* && grep -H . vcpu*/tsc-offset" >"$RIG_DIR/offsets" || return
	python3 - "$RIG_DIR/shown" "$RIG_DIR/sample" "$RIG_DIR/offsets" <<-'P'
		import json, re, sys
		shown, sample = (json.load(open(path)) for path in sys.argv[1:3])
		offsets = dict(re.findall(r"vcpu(\d+)/tsc-offset:(-?\d+)", open(sys.argv[3]).read()))
		vcpus = [{**vcpu, "offset": int(offsets[str(vcpu["id"])])} for vcpu in shown["vcpus"]]
		print(json.dumps({**shown, "capture": sample, "vcpus": vcpus}))
	P
}

# emu_carry FROM TO GUEST [virsh options]: libvirt migrates, and the library in the QEMU there carries the clocks.
emu_carry()
{
	local from=$1 to=$2 guest=$3 low high job armed
	shift 3
	read -r low high < <(emu_offset "$from" "$to") && emu_record "$from" "$guest" >"$RIG_DIR/record" || return
	emu_put "$to" "$RIG_DIR/record" /root/record || return
	emu_in "$from" kvm-agent arm "$(emu_qemu "$from" "$guest")" --direction source --expires-s 300 || return
	emu_migrate "$from" "$to" "$guest" "$@" >"$RIG_DIR/migrate.log" 2>&1 &
	job=$!
	# It is armed as soon as it has vCPUs, long before its memory is there.
	wait_for 60 emu_arm "$to" "$guest" $(((low + high) / 2))
	armed=$?
	wait $job || { cat "$RIG_DIR/migrate.log"; return 1; }
	[ $armed = 0 ] || { echo "it could not be armed"; return 1; }
	emu_bounds+=($(((high - low) / 2)))
	emu_in "$to" kvm-agent show "$(emu_qemu "$to" "$guest")" >"$RIG_DIR/outcome"
}

emu_arm()
{
	local pid
	pid=$(emu_qemu "$1" "$2") && emu_in "$1" kvm-agent arm "$pid" --direction destination --record /root/record \
		--offset-ns "$3" --window-ns 200000000000 --expires-s 300
}

# emu_skew SECONDS: B's chronyd is told that its reference is off by so much, and all who measure it have seen that.
emu_skew()
{
	EMU_SKEW_B=$1 emu_seed_chrony B >"$RIG_DIR/chrony.conf"
	emu_put B "$RIG_DIR/chrony.conf" /etc/chrony/chrony.conf && emu_in B systemctl restart chrony && wait_for 90 emu_skewed "$1"
}

emu_skewed()
{
	local low high middle want
	read -r low high < <(emu_offset A B) || return
	middle=$(((low + high) / 2)) want=$(python3 -c "print(round($1 * 1e9))")
	[ $((high - low)) -lt 20000000 ] && [ $((middle - want)) -lt 4000000 ] && [ $((want - middle)) -lt 4000000 ]
}

# outcome EXPRESSION: Python over what the library says of the last emu_carry, v.
outcome()
{
	pick "$1" <"$RIG_DIR/outcome"
}
