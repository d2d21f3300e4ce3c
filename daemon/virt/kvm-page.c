/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/kvm-page.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"

/* linux/fs.h has it, beside much that glibc has, too. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x8
#endif

/* Of every layout that was released, what it takes to find things in it. */
static const struct layout {
	uint32_t version;
	uint32_t size;
} layouts[] = {
	{ 1, sizeof(struct cf_kvm_page) },
};

struct kvm_page {
	struct cf_kvm_page *at;
	uint32_t version;
	enum cf_kvm_arch arch;
	int captured;
	int outcome;
};

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int wrong(struct cf_error *err, const char *what)
{
	return cf_fail(err, EPROTO, CF_HOST, "the KVM library's page is not to be believed: %s", what);
}

/* What it says */

static const struct layout *layout_of(uint32_t version)
{
	for (size_t i = 0; i < CF_COUNT(layouts); i++)
		if (layouts[i].version == version)
			return &layouts[i];
	return NULL;
}

static int check_head(const struct cf_kvm_page *head, size_t size, struct cf_error *err)
{
	const struct layout *layout;

	if (head->magic != CF_KVM_MAGIC)
		return wrong(err, "it does not begin as one");
	layout = layout_of(head->version);
	if (!layout)
		return cf_fail(err, EPROTONOSUPPORT, CF_HOST,
			       "the KVM library's page has version %u, which this agent does not know", head->version);
	if (head->size != layout->size || size != layout->size)
		return wrong(err, "its size is not that of its version");
	if (head->arch != CF_KVM_ARCH_X86 && head->arch != CF_KVM_ARCH_ARM64)
		return wrong(err, "it is of no architecture we know");
	return 0;
}

static bool is_capture(const struct cf_kvm_capture *c)
{
	const uint32_t flags = CF_KVM_CLOCK_STABLE | CF_KVM_CLOCK_REALTIME | CF_KVM_CLOCK_HOST |
		CF_KVM_CLOCK_BRACKETED;

	return !(c->flags & ~flags) && c->realtime.ns >= 0 && c->raw.ns >= 0 && c->width.ns >= 0 &&
	       c->width.ns <= CF_S && c->tai_s > -1000 && c->tai_s < 1000;
}

static bool is_outcome(const struct cf_kvm_outcome *o)
{
	return o->direction <= CF_KVM_DESTINATION && o->result < CF_N_KVM_RESULTS && o->step < CF_N_KVM_STEPS &&
	       o->n_vcpus <= CF_KVM_VCPUS && o->elapsed.ns >= 0 && o->took.ns >= 0 && o->bare.ns >= 0 &&
	       o->residual_width.ns >= 0 && is_capture(&o->anchor) && is_capture(&o->readback);
}

/* More than 2^63 ticks apart the ends are the wrong way round. */
static bool is_counter(struct cf_kvm_counter c)
{
	return (int64_t)(c.high - c.low) >= 0;
}

static bool are_vcpus(const struct cf_kvm_said *said)
{
	if (said->n_vcpus > CF_KVM_VCPUS)
		return false;
	for (uint32_t i = 0; i < said->n_vcpus; i++) {
		if (said->vcpus[i].khz > UINT32_MAX)
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (said->vcpus[k].id == said->vcpus[i].id)
				return false;
	}
	return true;
}

static int check_said(const struct cf_kvm_said *said, struct cf_error *err)
{
	if (!is_capture(&said->capture) || !is_capture(&said->before))
		return wrong(err, "a capture is none");
	if (!is_outcome(&said->outcome))
		return wrong(err, "an outcome is none");
	if (!is_counter(said->virt) || !is_counter(said->phys))
		return wrong(err, "a counter's ends are the wrong way round");
	if (!are_vcpus(said))
		return wrong(err, "the vCPUs are too many, alike or too fast");
	return 0;
}

int kvm_page_parse(const void *bytes, size_t size, struct cf_kvm_said *ret, struct cf_error *err)
{
	struct cf_kvm_page head = { 0 };
	const size_t head_size = offsetof(struct cf_kvm_page, said);
	int r;

	if (size < head_size)
		return wrong(err, "it is too short");
	memcpy(&head, bytes, head_size);
	r = check_head(&head, size, err);
	if (r < 0)
		return r;
	r = check_said((const struct cf_kvm_said *)((const char *)bytes + head_size), err);
	if (r < 0)
		return r;
	memcpy(ret, (const char *)bytes + head_size, sizeof(*ret));
	return 0;
}

/* A copy of what lies between two looks at a sequence.  -EAGAIN when there is no quiet moment. */
static int copy_quiet(void *to, const void *from, size_t size, const uint32_t *seq, struct cf_error *err)
{
	enum { ATTEMPTS = 1000 };

	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t begun = cf_kvm_read_begin(seq);

		if (begun & 1)
			continue;
		memcpy(to, from, size);
		if (!cf_kvm_read_again(seq, begun))
			return 0;
	}
	return cf_fail(err, EAGAIN, CF_HOST, "the KVM library's page is being written");
}

int kvm_page_read(const struct kvm_page *page, struct cf_kvm_said *ret, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = malloc(sizeof(*said));
	int r;

	if (!said)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = copy_quiet(said, &page->at->said, sizeof(*said), &page->at->said.seq, err);
	if (r == 0)
		r = check_said(said, err);
	if (r < 0)
		return r;
	*ret = *said;
	return 0;
}

void kvm_page_want(struct kvm_page *page)
{
	__atomic_add_fetch(&page->at->wanted, 1, __ATOMIC_RELEASE);
}

int kvm_page_sample(const struct kvm_page *page, struct cf_kvm_capture *ret, struct cf_error *err)
{
	struct cf_kvm_sampled sampled;
	int r = copy_quiet(&sampled, &page->at->sampled, sizeof(sampled), &page->at->sampled.seq, err);

	if (r < 0)
		return r;
	if (!sampled.sample.number || sampled.wanted != __atomic_load_n(&page->at->wanted, __ATOMIC_RELAXED))
		return cf_fail(err, EAGAIN, CF_HOST, "the KVM library has not sampled yet");
	if (!is_capture(&sampled.sample))
		return wrong(err, "a sample is none");
	*ret = sampled.sample;
	return 0;
}

/* What we say */

int kvm_page_arm(struct kvm_page *page, struct cf_kvm_asked *asked, struct cf_error *err)
{
	struct cf_kvm_asked *to = &page->at->asked;
	const size_t from = offsetof(struct cf_kvm_asked, direction);
	size_t size;

	if (asked->n_vcpus > CF_KVM_VCPUS)
		return cf_fail(err, E2BIG, CF_HOST, "more than %d vCPUs", CF_KVM_VCPUS);
	/* Of this boot, hence greater than that of an agent before this one. */
	asked->serial = (uint64_t)kernel_raw().ns;
	size = offsetof(struct cf_kvm_asked, vcpus) + asked->n_vcpus * sizeof(asked->vcpus[0]);
	cf_kvm_write_begin(&to->seq);
	memcpy((char *)to + from, (char *)asked + from, size - from);
	cf_kvm_write_end(&to->seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* and so does the library between telling and looking */
	return 0;
}

bool kvm_page_is_armed(const struct kvm_page *page, const unsigned char *migration)
{
	const struct cf_kvm_asked *asked = &page->at->asked;

	return asked->direction == CF_KVM_SOURCE && memcmp(asked->migration, migration, sizeof(asked->migration)) == 0;
}

void kvm_page_disarm(struct kvm_page *page, const unsigned char *migration)
{
	struct cf_kvm_asked *to = &page->at->asked;

	if (migration && memcmp(to->migration, migration, sizeof(to->migration)) != 0)
		return;
	cf_kvm_write_begin(&to->seq);
	to->direction = CF_KVM_UNARMED;
	to->serial = 0;
	cf_kvm_write_end(&to->seq);
}

_Static_assert(offsetof(struct cf_kvm_page, asked.expires) % sizeof(int64_t) == 0, "it is written whole");

void kvm_page_prolong(struct kvm_page *page, cf_mono expires)
{
	__atomic_store_n(&page->at->asked.expires.ns, expires.ns, __ATOMIC_RELAXED);
}

/* Where it is */

static bool is_link(const char *proc, const char *who, int fd, const char *wanted)
{
	char path[PATH_MAX], name[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/fd/%d", proc, who, fd);
	n = readlink(path, name, sizeof(name) - 1);
	if (n < 0)
		return false;
	name[n] = '\0';
	return strcmp(name, wanted) == 0;
}

/* The number of the descriptor in the process, -ENOENT when it has none. */
static int find_memfd(const char *proc, pid_t pid, struct cf_error *err)
{
	char path[PATH_MAX], who[16];
	CF_AUTO(closedir) DIR *dir = NULL;
	struct dirent *entry;

	snprintf(who, sizeof(who), "%d", (int)pid);
	snprintf(path, sizeof(path), "%s/%s/fd", proc, who);
	dir = opendir(path);
	if (!dir)
		return cf_fail(err, errno, errno == ENOENT ? CF_NOT_FOUND : CF_HOST, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		int fd = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : -1;

		if (fd >= 0 && is_link(proc, who, fd, "/memfd:" CF_KVM_MEMFD " (deleted)"))
			return fd;
	}
	return cf_fail(err, ENOENT, CF_NOT_FOUND, "process %d has no KVM library, or no vCPU", (int)pid);
}

int kvm_page_present(const char *proc, pid_t pid, bool *ret, struct cf_error *err)
{
	int r = find_memfd(proc, pid, err);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r >= 0;
	return 0;
}

static int take(int pidfd, int fd, struct cf_error *err)
{
	int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	if (taken < 0)
		return cf_fail(err, errno, CF_HOST, "pidfd_getfd: %s", strerror(errno));
	return taken;
}

static int take_event(int pidfd, int fd, struct cf_error *err)
{
	CF_AUTO(close) int taken = take(pidfd, fd, err);
	int kept;

	if (taken < 0)
		return taken;
	if (!is_link("/proc", "self", taken, "anon_inode:[eventfd]"))
		return wrong(err, "a descriptor is no eventfd");
	kept = taken;
	taken = -1;
	return kept;
}

/* Mapped for good: sealed so that it neither shrinks nor can be unsealed. */
static int map(int memfd, struct kvm_page *page, struct cf_error *err)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int seals = fcntl(memfd, F_GET_SEALS);
	struct cf_kvm_page head;
	off_t size = lseek(memfd, 0, SEEK_END);
	void *at;
	int r;

	if (seals < 0 || (seals & needed) != needed)
		return wrong(err, "its memory can be taken away");
	memset(&head, 0, sizeof(head));
	if (size < 0 || pread(memfd, &head, offsetof(struct cf_kvm_page, said), 0) !=
	    (ssize_t)offsetof(struct cf_kvm_page, said))
		return wrong(err, "it is too short");
	r = check_head(&head, (size_t)size, err);
	if (r < 0)
		return r;
	at = mmap(NULL, sizeof(struct cf_kvm_page), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (at == MAP_FAILED)
		return cf_fail(err, errno, CF_HOST, "the KVM library's page: %s", strerror(errno));
	page->at = at;
	page->version = head.version;
	page->arch = (enum cf_kvm_arch)head.arch;
	return 0;
}

int kvm_page_open(const char *proc, pid_t pid, struct kvm_page **ret, struct cf_error *err)
{
	CF_AUTO(close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CF_AUTO(close) int memfd = -1;
	CF_AUTO(kvm_page_free) struct kvm_page *page = calloc(1, sizeof(*page));
	int r;

	if (!page)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	page->captured = page->outcome = -1;
	if (pidfd < 0)
		return cf_fail(err, errno, CF_NOT_FOUND, "process %d: %s", (int)pid, strerror(errno));
	r = find_memfd(proc, pid, err);
	if (r < 0)
		return r;
	memfd = r = take(pidfd, r, err);
	if (r >= 0)
		r = map(memfd, page, err);
	if (r >= 0)
		page->captured = r = take_event(pidfd, page->at->event_capture, err);
	if (r >= 0)
		page->outcome = r = take_event(pidfd, page->at->event_outcome, err);
	if (r < 0)
		return r;
	*ret = CF_TAKE(page);
	return 0;
}

void kvm_page_free(struct kvm_page *page)
{
	if (!page)
		return;
	if (page->at)
		munmap(page->at, sizeof(*page->at));
	closep(&page->captured);
	closep(&page->outcome);
	free(page);
}

uint32_t kvm_page_version(const struct kvm_page *page)
{
	return page->version;
}

enum cf_kvm_arch kvm_page_arch(const struct kvm_page *page)
{
	return page->arch;
}

int kvm_page_captured_fd(const struct kvm_page *page)
{
	return page->captured;
}

int kvm_page_outcome_fd(const struct kvm_page *page)
{
	return page->outcome;
}

/* The QEMU shares its flags with us and could have taken O_NONBLOCK off. */
void kvm_page_heard(int fd)
{
	uint64_t count;
	struct iovec into = { &count, sizeof(count) };

	(void)!preadv2(fd, &into, 1, -1, RWF_NOWAIT);
}
