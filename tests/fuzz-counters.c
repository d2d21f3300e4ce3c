/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files that say what a guest's counters are: the input is their contents,
 * split at bytes of 0xff, in the order of the table.
 */

#include "daemon/virt/counters.h"
#include "tests/fuzz-files.h"

#define UUID "9c334061-f95f-4ba0-9edf-0948a22a5eb8"

static const char *const files[] = {
	"debugfs/100-14/vcpu0/tsc-offset", "debugfs/100-14/vcpu0/tsc-scaling-ratio",
	"debugfs/100-14/vcpu0/tsc-scaling-ratio-frac-bits", "debugfs/100-14/vcpu0/guest_mode",
	"debugfs/100-14/vcpu0/pid", "run/g.pid", "proc/100/cmdline",
};
static const char *const folders[] = {
	"debugfs", "debugfs/100-14", "debugfs/100-14/vcpu0", "run", "proc", "proc/100", "proc/100/task", "proc/100/task/7",
};

static void read_them(void)
{
	const struct counter_roots roots = { in("debugfs"), in("proc"), in("run") };
	struct cf_vcpu_counter *vcpus = malloc(CF_VCPUS_MAX * sizeof(*vcpus));
	struct cf_error err = { 0 };
	size_t n = 99;
	pid_t pid = -7;
	int r;

	must(vcpus);
	r = counters_read(&roots, 100, vcpus, &n, &err);
	must(r == 0 ? n <= 1 : n == 99 && err.text[0]);
	for (size_t i = 0; r == 0 && i < n; i++)
		must(!vcpus[i].has_scaling || (vcpus[i].scaling.frac_bits >= 0 && vcpus[i].scaling.frac_bits <= 63));
	r = counters_pid(&roots, "g", UUID, &pid, &err);
	must(r == 0 ? pid > 0 : pid == -7);
	free(vcpus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!top_fd)
		furnish(folders, CF_COUNT(folders));
	put_parts(files, CF_COUNT(files), &data, &size);
	read_them();
	return 0;
}
