/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/counters.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "proto/base.h"

const struct counter_roots counter_roots = {
	.debugfs = "/sys/kernel/debug/kvm",
	.proc = "/proc",
	.run = "/run/libvirt/qemu",
};

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* All of a small file in a folder; the size read, -1 when it cannot be (errno) or is larger. */
static ssize_t read_small(int folder, const char *name, char *text, size_t size)
{
	CF_AUTO(close) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, text + used, size - used);
		if (n < 0 && errno != EINTR)
			return -1;
		used += n > 0 ? (size_t)n : 0;
		if (used == size) {
			errno = EFBIG;
			return -1;
		}
	} while (n != 0);
	text[used] = '\0';
	return (ssize_t)used;
}

/* One decimal number and at most a newline; the bits of it, whether signed or unsigned. */
static bool parse_number(const char *text, bool is_signed, int64_t *ret)
{
	char *end;
	unsigned long long bits;

	if (!isdigit((unsigned char)text[is_signed && *text == '-']))
		return false;
	errno = 0;
	bits = is_signed ? (unsigned long long)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	if (errno || (*end == '\n' ? end[1] : *end))
		return false;
	*ret = (int64_t)bits;
	return true;
}

/* 1: *ret was read; 0: there is no such file; negative: it is not what it should be. */
static int read_number(int folder, const char *name, bool is_signed, int64_t *ret, struct cf_error *err)
{
	char text[64];

	if (read_small(folder, name, text, sizeof(text)) < 0) {
		/* A vCPU that is going away: its files answer ENODEV or are gone. */
		if (errno == ENOENT || errno == ENODEV)
			return 0;
		return cf_fail(err, errno, CF_HOST, "%s: %s", name, strerror(errno));
	}
	if (!parse_number(text, is_signed, ret))
		return cf_fail(err, EBADMSG, CF_HOST, "%s: not one number", name);
	return 1;
}

/* Which process */

static bool has_words(const char *text, size_t size, const char *first, const char *second)
{
	const char *word = text;
	bool found = false;

	while (word < text + size && !found) {
		const char *next = word + strlen(word) + 1;

		found = strcmp(word, first) == 0 && next < text + size && strcmp(next, second) == 0;
		word = next;
	}
	return found;
}

int counters_pid(const struct counter_roots *roots, const char *name, const char *uuid, pid_t *ret,
		 struct cf_error *err)
{
	enum { COMMAND_ROOM = 256 * 1024 };
	CF_AUTO(cf_free) char *command = malloc(COMMAND_ROOM);
	char path[PATH_MAX];
	int64_t pid;
	ssize_t n;
	int r;

	if (!command)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (strchr(name, '/'))
		return cf_fail(err, EINVAL, CF_HOST, "a domain's name has no slash");
	snprintf(path, sizeof(path), "%s/%s.pid", roots->run, name);
	r = read_number(AT_FDCWD, path, false, &pid, err);
	if (r < 0)
		return r;
	if (r == 0 || pid <= 0 || pid > INT_MAX)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "libvirt names no process for the domain");

	snprintf(path, sizeof(path), "%s/%d/cmdline", roots->proc, (int)pid);
	n = read_small(AT_FDCWD, path, command, COMMAND_ROOM);
	if (n < 0 || !has_words(command, (size_t)n, "-uuid", uuid))
		return cf_fail(err, ESRCH, CF_NOT_FOUND, "process %d does not run the domain", (int)pid);
	*ret = (pid_t)pid;
	return 0;
}

/* Its vCPUs */

struct search {
	const char *proc;
	pid_t pid;
	int n_vms;			/* folders of this process */
	bool unnamed;			/* a vCPU without a thread id was taken */
	struct cf_vcpu_counter *vcpus;
	size_t n;
};

/*
 * Is this vCPU's thread one of the process?  1 yes, 0 no, negative: cannot be read.  Linux before
 * 6.0 tells no thread, and none does of a vCPU that has not run yet, as those of an incoming domain.
 */
static int is_ours(struct search *search, int folder, struct cf_error *err)
{
	char path[PATH_MAX];
	int64_t thread;
	int r;

	r = read_number(folder, "pid", false, &thread, err);
	if (r < 0)
		return r;
	if (r == 0 || thread == 0) {
		search->unnamed = true;
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%d/task/%lld", search->proc, (int)search->pid, (long long)thread);
	return access(path, F_OK) == 0;
}

static int read_member(int folder, const char *name, bool is_signed, bool *has, int64_t *ret,
		       struct cf_error *err)
{
	int r = read_number(folder, name, is_signed, ret, err);

	*has = r == 1;
	return r < 0 ? r : 0;
}

static int read_scaling(int folder, struct cf_vcpu_counter *vcpu, struct cf_error *err)
{
	struct cf_scaling scaling = { 0 };
	bool has_ratio, has_bits;
	int r;

	r = read_member(folder, "tsc-scaling-ratio", false, &has_ratio, &scaling.ratio, err);
	if (r == 0)
		r = read_member(folder, "tsc-scaling-ratio-frac-bits", false, &has_bits, &scaling.frac_bits,
				err);
	if (r < 0)
		return r;

	/* One without the other says nothing. */
	vcpu->has_scaling = has_ratio && has_bits;
	if (!vcpu->has_scaling)
		return 0;
	if (scaling.frac_bits < 0 || scaling.frac_bits > 63)
		return cf_fail(err, EBADMSG, CF_HOST, "a scaling ratio with %lld fraction bits",
			       (long long)scaling.frac_bits);
	vcpu->scaling = scaling;
	return 0;
}

static int read_vcpu(int folder, int64_t id, struct cf_vcpu_counter *ret, struct cf_error *err)
{
	struct cf_vcpu_counter vcpu = { .vcpu = id };
	int64_t before = 0, after = 0;
	int r;

	/* A nested guest may have begun to run, or have left, while its offset was read. */
	r = read_member(folder, "guest_mode", true, &vcpu.has_guest_mode, &before, err);
	if (r == 0)
		r = read_member(folder, "tsc-offset", true, &vcpu.has_offset, &vcpu.offset, err);
	if (r == 0)
		r = read_scaling(folder, &vcpu, err);
	if (r == 0)
		r = read_member(folder, "guest_mode", true, &vcpu.has_guest_mode, &after, err);
	if (r < 0)
		return r;
	vcpu.guest_mode = before || after;
	*ret = vcpu;
	return 0;
}

/* "vcpu12" is 12, "vcpu12x" and "vm" are -1. */
static int64_t numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	int64_t number;

	if (strncmp(name, prefix, n) != 0 || !parse_number(name + n, false, &number) || strchr(name, '\n'))
		return -1;
	return number;
}

static int add_vcpu(struct search *search, int folder, int64_t id, struct cf_error *err)
{
	int r = is_ours(search, folder, err);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < search->n; i++)
		if (search->vcpus[i].vcpu == id)
			return cf_fail(err, ENOTUNIQ, CF_HOST, "process %d has two vCPUs %lld",
				       (int)search->pid, (long long)id);
	if (search->n == CF_VCPUS_MAX)
		return cf_fail(err, E2BIG, CF_HOST, "process %d has more than %d vCPUs", (int)search->pid,
			       CF_VCPUS_MAX);
	r = read_vcpu(folder, id, &search->vcpus[search->n], err);
	if (r < 0)
		return r;
	search->n++;
	return 0;
}

/* A folder in a folder, or NULL; *r stays 0 when it is merely gone. */
static DIR *open_folder(int parent, const char *name, int *r, struct cf_error *err)
{
	CF_AUTO(close) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir)
		fd = -1;
	else if (errno != ENOENT)
		*r = cf_fail(err, errno, CF_HOST, "%s: %s", name, strerror(errno));
	return dir;
}

static int read_vm(struct search *search, int parent, const char *name, struct cf_error *err)
{
	int r = 0;
	CF_AUTO(closedir) DIR *dir = open_folder(parent, name, &r, err);
	struct dirent *entry;

	if (!dir)
		return r;
	search->n_vms++;
	while (r == 0 && (entry = readdir(dir))) {
		int64_t id = numbered(entry->d_name, "vcpu");
		CF_AUTO(closedir) DIR *vcpu = id < 0 ? NULL : open_folder(dirfd(dir), entry->d_name, &r, err);

		if (vcpu)
			r = add_vcpu(search, dirfd(vcpu), id, err);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct cf_vcpu_counter *x = a, *y = b;

	return (x->vcpu > y->vcpu) - (x->vcpu < y->vcpu);
}

int counters_read(const struct counter_roots *roots, pid_t pid,
		  struct cf_vcpu_counter vcpus[static CF_VCPUS_MAX], size_t *n, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_vcpu_counter *found = calloc(CF_VCPUS_MAX, sizeof(*found));
	struct search search = { .proc = roots->proc, .pid = pid, .vcpus = found };
	CF_AUTO(closedir) DIR *dir = opendir(roots->debugfs);
	struct dirent *entry;
	char prefix[32];
	int r = 0;

	if (!found)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (!dir)
		return cf_fail(err, errno, CF_HOST, "%s: %s", roots->debugfs, strerror(errno));
	snprintf(prefix, sizeof(prefix), "%d-", (int)pid);
	while (r == 0 && (entry = readdir(dir)))
		if (numbered(entry->d_name, prefix) >= 0)
			r = read_vm(&search, dirfd(dir), entry->d_name, err);
	if (r < 0)
		return r;
	if (search.unnamed && search.n_vms > 1)
		return cf_fail(err, ENOTUNIQ, CF_HOST,
			       "process %d has %d VMs, and the kernel does not tell their threads apart",
			       (int)pid, search.n_vms);

	qsort(found, search.n, sizeof(*found), compare);
	memcpy(vcpus, found, search.n * sizeof(*found));
	*n = search.n;
	return 0;
}

/* The host's own */

#if defined(__x86_64__)
static inline bool read_ticks(uint64_t *ret)
{
	uint32_t low, high;

	/* Not before the clock reading in front of it, nor after the one behind it. */
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	*ret = (uint64_t)high << 32 | low;
	return true;
}
#elif defined(__aarch64__)
static inline bool read_ticks(uint64_t *ret)
{
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(*ret) : : "memory");
	return true;
}
#else
static inline bool read_ticks(uint64_t *ret)
{
	(void)ret;
	return false;
}
#endif

bool counter_read(struct counter_reading *ret)
{
	enum { ATTEMPTS = 5 };
	struct counter_reading best = { .at.width = { INT64_MAX } };

	for (int i = 0; i < ATTEMPTS; i++) {
		cf_mono before = kernel_raw();
		struct timespec real;
		uint64_t ticks;
		cf_span width;

		clock_gettime(CLOCK_REALTIME, &real);
		if (!read_ticks(&ticks))
			return false;
		width = cf_mono_since(kernel_raw(), before);
		if (cf_span_cmp(width, best.at.width) >= 0)
			continue;
		best.at.raw = cf_mono_add(before, (cf_span){ width.ns / 2 });
		best.at.real.ns = (int64_t)real.tv_sec * CF_S + real.tv_nsec;
		best.at.width = width;
		best.ticks = (int64_t)ticks;
	}
	*ret = best;
	return true;
}
