/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A tree like KVM's debugfs, /proc and /run/libvirt/qemu, and what is read from it. */

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/counters.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/route.h"
#include "proto/version.h"
#include "tests/tap.h"

#define PATH_ROOM 512
#define UUID "9c334061-f95f-4ba0-9edf-0948a22a5eb8"

static char top[] = "/tmp/test-counters.XXXXXX";
static char debugfs[PATH_ROOM], proc[PATH_ROOM], run[PATH_ROOM];
static struct counter_roots roots = { debugfs, proc, run };
static struct cf_vcpu_counter vcpus[CF_VCPUS_MAX];
static size_t n;
static struct cf_error err;

static void path_of(char path[PATH_ROOM], const char *name)
{
	snprintf(path, PATH_ROOM, "%s/%s", top, name);
}

/* A file and the folders it is in; NULL contents for a folder. */
static void put_bytes(const char *name, const char *contents, size_t size)
{
	char path[PATH_ROOM];
	FILE *file;

	path_of(path, name);
	for (char *at = path + strlen(top) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		mkdir(path, 0700);
	}
	if (!contents) {
		mkdir(path, 0700);
		return;
	}
	file = fopen(path, "w");
	if (!file || fwrite(contents, 1, size, file) != size || fclose(file) != 0) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void put(const char *name, const char *contents)
{
	put_bytes(name, contents, contents ? strlen(contents) : 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void drop(const char *name)
{
	char path[PATH_ROOM];

	path_of(path, name);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void drop_all(void)
{
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A vCPU of process 100 as a host with TSC scaling shows it. */
static void put_vcpu(const char *vm, int id, const char *offset, const char *thread)
{
	char name[PATH_ROOM];
	const struct { const char *name, *text; } files[] = {
		{ "tsc-offset", offset }, { "pid", thread }, { "tsc-scaling-ratio", "281474976710656\n" },
		{ "tsc-scaling-ratio-frac-bits", "48\n" }, { "guest_mode", "0\n" },
		{ "lapic_timer_advance_ns", "1000\n" },
	};

	for (size_t i = 0; i < CF_COUNT(files); i++) {
		snprintf(name, sizeof(name), "debugfs/%s/vcpu%d/%s", vm, id, files[i].name);
		put(name, files[i].text);
	}
}

static int read_them(void)
{
	n = 99;
	memset(vcpus, 0x5a, sizeof(vcpus));
	err = (struct cf_error){ 0 };
	return counters_read(&roots, 100, vcpus, &n, &err);
}

static void furnish(void)
{
	path_of(debugfs, "debugfs");
	path_of(proc, "proc");
	path_of(run, "run");
	put("proc/100/task/101", NULL);
	put("proc/100/task/102", NULL);
	put("proc/100/task/112", NULL);
	put("debugfs/halt_wait_ns", "5\n");
	put_vcpu("100-14", 2, "-6028742637843\n", "102\n");
	put_vcpu("100-14", 0, "-6028742637844\n", "101\n");
	put_vcpu("100-14", 10, "9223372036854775807\n", "112\n");
	put("debugfs/100-14/vcpus", "3\n");
	put_vcpu("1001-14", 0, "7\n", "101\n");
	put_vcpu("10-14", 0, "8\n", "101\n");
}

static void test_reading(void)
{
	ok(read_them() == 0 && n == 3,
	   "the process has three vCPUs, and other processes' are not among them");
	ok(vcpus[0].vcpu == 0 && vcpus[1].vcpu == 2 && vcpus[2].vcpu == 10, "in the order of their numbers");
	ok(vcpus[0].has_offset && vcpus[0].offset == -6028742637844 && vcpus[1].offset == -6028742637843 &&
	   vcpus[2].offset == INT64_MAX, "each with its own offset, of either sign");
	ok(vcpus[0].has_scaling && vcpus[0].scaling.ratio == INT64_C(1) << 48 &&
	   vcpus[0].scaling.frac_bits == 48,
	   "and its scaling");
	ok(vcpus[0].has_guest_mode && !vcpus[0].guest_mode, "no nested guest");

	put("debugfs/100-14/vcpu0/guest_mode", "1\n");
	ok(read_them() == 0 && vcpus[0].guest_mode, "a nested guest");
	put("debugfs/100-14/vcpu0/tsc-scaling-ratio", "18446744073709551615\n");
	ok(read_them() == 0 && (uint64_t)vcpus[0].scaling.ratio == UINT64_MAX,
	   "the whole of an unsigned ratio");
}

static void test_absence(void)
{
	drop("debugfs/100-14/vcpu0/tsc-offset");
	drop("debugfs/100-14/vcpu0/guest_mode");
	drop("debugfs/100-14/vcpu0/tsc-scaling-ratio");
	ok(read_them() == 0 && n == 3 && !vcpus[0].has_offset && !vcpus[0].offset, "no offset is absent");
	ok(!vcpus[0].has_guest_mode, "so is no guest mode");
	ok(!vcpus[0].has_scaling && !vcpus[0].scaling.frac_bits, "and half a scaling is none");
	drop("debugfs/100-14/vcpu0");
	put_vcpu("100-14", 0, "1\n", "101\n");

	ok(counters_read(&roots, 555, vcpus, &n, &err) == 0 && n == 0, "a process without KVM has no vCPUs");
	roots.debugfs = "/nonexistent";
	ok(read_them() == -ENOENT && n == 99 && err.text[0],
	   "no debugfs is an error, and nothing is written");
	roots.debugfs = debugfs;
}

static void test_nonsense(void)
{
	static const struct { const char *name, *text; size_t size; } wrong[] = {
		{ "tsc-offset", "", 0 }, { "tsc-offset", "\n", 1 }, { "tsc-offset", "12 \n", 4 },
		{ "tsc-offset", " 12\n", 4 }, { "tsc-offset", "+12\n", 4 }, { "tsc-offset", "-\n", 2 },
		{ "tsc-offset", "0x12\n", 5 }, { "tsc-offset", "1.5\n", 4 }, { "tsc-offset", "12\n13\n", 6 },
		{ "tsc-offset", "9223372036854775808\n", 20 }, { "tsc-scaling-ratio", "-1\n", 3 },
		{ "tsc-scaling-ratio", "18446744073709551616\n", 21 },
		  { "tsc-scaling-ratio-frac-bits", "64\n", 3 },
		{ "guest_mode", "yes\n", 4 }, { "pid", "first\n", 6 },
	};
	static char large[4096];

	for (size_t i = 0; i < CF_COUNT(wrong); i++) {
		char name[PATH_ROOM];
		int r;

		snprintf(name, sizeof(name), "debugfs/100-14/vcpu0/%s", wrong[i].name);
		put_bytes(name, wrong[i].text, wrong[i].size);
		r = read_them();
		ok(r == -EBADMSG && n == 99, "%s of %zu bytes that is no such number is an error (%s)",
		   wrong[i].name,
		   wrong[i].size, err.text);
		put_vcpu("100-14", 0, "1\n", "101\n");
	}
	memset(large, '1', sizeof(large));
	put_bytes("debugfs/100-14/vcpu0/tsc-offset", large, sizeof(large));
	ok(read_them() == -EFBIG, "a file that does not end is not read to its end");
	put_vcpu("100-14", 0, "1\n", "101\n");

	put("debugfs/100-14/vcpu7x/tsc-offset", "1\n");
	put("debugfs/100-14x/vcpu7/tsc-offset", "1\n");
	ok(read_them() == 0 && n == 3, "folders with other names are not looked into");
}

static void test_several_vms(void)
{
	put_vcpu("100-20", 0, "5\n", "999\n");
	put_vcpu("100-20", 1, "6\n", "998\n");
	ok(read_them() == 0 && n == 3 && vcpus[0].offset == 1,
	   "vCPUs of threads that are not the process' own are none");

	put("proc/100/task/999", NULL);
	ok(read_them() == -ENOTUNIQ, "two vCPUs with one number are an error");
	drop("debugfs/100-20/vcpu0");
	put("proc/100/task/998", NULL);
	ok(read_them() == 0 && n == 4 && vcpus[1].vcpu == 1 && vcpus[1].offset == 6,
	   "different ones are read together");

	drop("debugfs/100-14/vcpu0/pid");
	ok(read_them() == -ENOTUNIQ, "without thread ids they cannot be told apart");
	drop("debugfs/100-20");
	ok(read_them() == 0 && n == 3, "and need not be when there is one VM");
	for (int i = 0; i < 3; i++)
		put_vcpu("100-14", i, "7\n", "0\n");
	ok(read_them() == 0 && n >= 3 && vcpus[0].offset == 7, "so those of a guest that has not run yet are seen");
	put_vcpu("100-20", 9, "6\n", "998\n");
	ok(read_them() == -ENOTUNIQ, "... where they can be nobody else's");
	drop("debugfs/100-20");
	put_vcpu("100-14", 0, "1\n", "101\n");
}

static void test_pid(void)
{
	static const char command[] =
		"/usr/bin/qemu-system-x86_64\0-name\0guest=g,debug-threads=on\0-uuid\0" UUID "\0-S";
	static const char other[] = "/usr/bin/qemu-system-x86_64\0-append\0-uuid\0-x\0" UUID;
	pid_t pid = 7;

	put("run/g.pid", "100\n");
	put_bytes("proc/100/cmdline", command, sizeof(command));
	ok(counters_pid(&roots, "g", UUID, &pid, &err) == 0 && pid == 100, "the process that runs a domain");
	pid = 7;
	ok(counters_pid(&roots, "h", UUID, &pid, &err) == -ENOENT && pid == 7, "a domain that runs nowhere");
	ok(counters_pid(&roots, "../run/g", UUID, &pid, &err) == -EINVAL, "a name that is a path");
	ok(counters_pid(&roots, "g", "9c334061-f95f-4ba0-9edf-0948a22a5eb9", &pid, &err) == -ESRCH,
	   "a process that runs another domain");
	put_bytes("proc/100/cmdline", other, sizeof(other));
	ok(counters_pid(&roots, "g", UUID, &pid, &err) == -ESRCH, "a uuid that only stands somewhere");
	put("run/g.pid", "101\n");
	ok(counters_pid(&roots, "g", UUID, &pid, &err) == -ESRCH, "a process that is gone");
	put("run/g.pid", "0\n");
	ok(counters_pid(&roots, "g", UUID, &pid, &err) == -ENOENT, "no process at all");
	put("run/g.pid", "many\n");
	ok(counters_pid(&roots, "g", UUID, &pid, &err) == -EBADMSG && pid == 7, "not a number");
}

static void test_counter(void)
{
	struct counter_reading first, second;
	struct cf_instant before = kernel_instant();
	bool has = counter_read(&first) && counter_read(&second);
	struct cf_instant after = kernel_instant();

	if (!has) {
		ok(true, "no counter on this machine # SKIP");
		return;
	}
	ok((uint64_t)second.ticks > (uint64_t)first.ticks, "the counter counts");
	ok(cf_mono_cmp(before.raw, first.at.raw) <= 0 && cf_mono_cmp(first.at.raw, second.at.raw) <= 0 &&
	   cf_mono_cmp(second.at.raw, after.raw) <= 0, "its instants are those of the readings");
	ok(first.at.width.ns >= 0, "and have a width");
}

/* What was read here is what the destination gets, of as many vCPUs as there can be. */
static void test_travel(void)
{
	CF_AUTO(cf_free) struct cf_record *sent = calloc(1, sizeof(*sent));
	CF_AUTO(cf_free) struct cf_record *got = calloc(1, sizeof(*got));
	CF_AUTO(cf_free) char *text = NULL, *full = NULL;
	struct cf_guest_clock *guest = &sent->guest;

	drop("debugfs");
	furnish();
	drop("debugfs/100-14/vcpu2/tsc-offset");
	put("debugfs/100-14/vcpu10/guest_mode", "1\n");
	drop("debugfs/100-14/vcpu0/tsc-scaling-ratio");
	guest->lever = CF_LEVER_NONE;
	ok(counters_read(&roots, 100, guest->vcpus, &guest->n_vcpus, &err) == 0 && guest->n_vcpus == 3,
	   "a record has the vCPUs of a KVM guest");
	text = cf_encode(&cf_record_shape, sent, CF_MINOR);
	ok(text && cf_decode(&cf_record_shape, CF_STRICT, text, strlen(text), got, &err) == 0 &&
	   memcmp(got, sent, sizeof(*got)) == 0, "they travel whole");
	ok(!got->guest.vcpus[1].has_offset && got->guest.vcpus[2].guest_mode && !got->guest.vcpus[0].has_scaling &&
	   got->guest.vcpus[0].offset == -6028742637844, "... what is absent is absent there, too");

	guest->n_vcpus = CF_VCPUS_MAX;
	for (size_t i = 0; i < CF_VCPUS_MAX; i++)
		guest->vcpus[i] = (struct cf_vcpu_counter){ INT64_C(1) << 31, true, INT64_MIN, true,
							    { INT64_MIN, 48 }, true, true };
	full = cf_encode(&cf_record_shape, sent, CF_MINOR);
	ok(full && strlen(full) < cf_routes[CF_ROUTE_RECORD].body_limit / 2,
	   "a record of %d vCPUs has %zu bytes, and the destination takes it", CF_VCPUS_MAX, full ? strlen(full) : 0);
}

int main(void)
{
	if (!mkdtemp(top)) {
		printf("Bail out! no folder\n");
		return 1;
	}
	atexit(drop_all);
	furnish();
	test_reading();
	test_absence();
	test_nonsense();
	test_several_vms();
	test_pid();
	test_travel();
	test_counter();
	return done();
}
