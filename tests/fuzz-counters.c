/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files that say what a guest's counters are: the input is their contents,
 * split at bytes of 0xff, in the order of the table.
 */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/virt/counters.h"
#include "tests/fuzz.h"

#define UUID "9c334061-f95f-4ba0-9edf-0948a22a5eb8"

static const char *const files[] = {
	"debugfs/100-14/vcpu0/tsc-offset", "debugfs/100-14/vcpu0/tsc-scaling-ratio",
	"debugfs/100-14/vcpu0/tsc-scaling-ratio-frac-bits", "debugfs/100-14/vcpu0/guest_mode",
	"debugfs/100-14/vcpu0/pid", "run/g.pid", "proc/100/cmdline",
};
static const char *const folders[] = {
	"debugfs", "debugfs/100-14", "debugfs/100-14/vcpu0", "run", "proc", "proc/100", "proc/100/task", "proc/100/task/7",
};
static char top[] = "/tmp/clockferry-fuzz-XXXXXX";
static int top_fd;

static int removed(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st; (void)kind; (void)at;
	return remove(path);
}

static void remove_all(void)
{
	nftw(top, removed, 8, FTW_DEPTH | FTW_PHYS);
}

static void furnish(void)
{
	must(mkdtemp(top));
	atexit(remove_all);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < CF_COUNT(folders); i++)
		must(mkdirat(top_fd, folders[i], 0700) == 0);
}

/* A part that is not in the input is a file that is not there. */
static void put(const char *file, const uint8_t *data, size_t size)
{
	int fd;

	if (!data) {
		unlinkat(top_fd, file, 0);
		return;
	}
	fd = openat(top_fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void read_them(void)
{
	static char debugfs[64], proc[64], run[64];
	const struct counter_roots roots = { debugfs, proc, run };
	struct cf_vcpu_counter *vcpus = malloc(CF_VCPUS_MAX * sizeof(*vcpus));
	struct cf_error err = { 0 };
	size_t n = 99;
	pid_t pid = -7;
	int r;

	snprintf(debugfs, sizeof(debugfs), "%s/debugfs", top);
	snprintf(proc, sizeof(proc), "%s/proc", top);
	snprintf(run, sizeof(run), "%s/run", top);
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
		furnish();
	for (size_t i = 0; i < CF_COUNT(files); i++) {
		const uint8_t *end = data ? memchr(data, 0xff, size) : NULL;
		size_t n = end ? (size_t)(end - data) : size;

		put(files[i], data, n);
		data = end ? end + 1 : NULL;
		size = end ? size - n - 1 : 0;
	}
	read_them();
	return 0;
}
