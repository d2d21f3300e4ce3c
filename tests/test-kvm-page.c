/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The agent's side of the KVM library's page, of a process that may be anything:
 * this one, with memory and descriptors made for each case.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/kvm-page.h"
#include "tests/tap.h"

/* linux/memfd.h has it since 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif

static struct cf_error err;
static struct cf_kvm_page *at;
static int memfd = -1, captured, outcome;
static unsigned memfd_flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

/* As a library would make it, but for what a case does to it. */
static void make(int seals, size_t size)
{
	memfd = memfd_create(CF_KVM_MEMFD, memfd_flags);
	if (memfd < 0 && errno == EINVAL)	/* this kernel does not know of what cannot be executed */
		memfd = memfd_create(CF_KVM_MEMFD, memfd_flags & ~MFD_NOEXEC_SEAL);
	captured = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	outcome = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (memfd < 0 || ftruncate(memfd, (off_t)size) < 0)
		printf("Bail out! %s\n", strerror(errno));
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (at == MAP_FAILED || fcntl(memfd, F_ADD_SEALS, seals) < 0)
		printf("Bail out! %s\n", strerror(errno));
	if (size >= offsetof(struct cf_kvm_page, said)) {
		at->magic = CF_KVM_MAGIC;
		at->version = CF_KVM_VERSION;
		at->size = sizeof(*at);
		at->arch = CF_KVM_ARCH_X86;
		at->memfd = memfd;
		at->event_capture = captured;
		at->event_outcome = outcome;
	}
}

static void drop(void)
{
	munmap(at, sizeof(*at));
	close(memfd);
	close(captured);
	close(outcome);
}

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static int try_open(void)
{
	struct kvm_page *page = (struct kvm_page *)&err;
	int r = kvm_page_open("/proc", getpid(), &page, &err);

	if (r == 0)
		kvm_page_free(page);
	else if (page != (struct kvm_page *)&err || !err.text[0])
		return 1;
	return r;
}

static void test_open(void)
{
	int pipes[2];

	ok(try_open() == -ENOENT, "a process without the library has no page");
	ok(kvm_page_open("/proc", 0x7ffffff, &(struct kvm_page *){ NULL }, &err) == -ESRCH, "one that is not there, neither");

	make(SEALS, sizeof(*at));
	ok(try_open() == 0, "a page is found by its name, and taken");
	at->magic++;
	ok(try_open() == -EPROTO, "one that is not finished is not");
	at->magic--;
	at->version++;
	ok(try_open() == -EPROTONOSUPPORT && strstr(err.text, "version 2"), "a younger library is named: %s", err.text);
	at->version--;
	at->size--;
	ok(try_open() == -EPROTO, "a size that is not its version's");
	at->size++;
	at->arch = 3;
	ok(try_open() == -EPROTO, "no architecture we know");
	at->arch = CF_KVM_ARCH_ARM64;
	ok(try_open() == 0, "arm64 is one");
	at->event_capture = 1000;
	ok(try_open() == -EBADF, "a descriptor that is not there");
	if (pipe(pipes) == 0)
		at->event_capture = pipes[0];
	ok(try_open() == -EPROTO, "a descriptor that one could wait for for ever");
	close(pipes[0]);
	close(pipes[1]);
	drop();

	make(F_SEAL_GROW | F_SEAL_SEAL, sizeof(*at));
	ok(try_open() == -EPROTO, "memory that could shrink under us");
	drop();
	make(F_SEAL_GROW | F_SEAL_SHRINK, sizeof(*at));
	ok(try_open() == -EPROTO, "or be sealed otherwise");
	drop();
	make(SEALS, sizeof(*at) - 1);
	ok(try_open() == -EPROTO, "too short by a byte");
	drop();
	make(SEALS, 8);
	ok(try_open() == -EPROTO, "or nearly all of it");
	drop();
	make(SEALS | F_SEAL_FUTURE_WRITE, sizeof(*at));
	ok(try_open() < 0, "memory that we cannot write to");
	drop();
	memfd_flags |= MFD_NOEXEC_SEAL;
	make(SEALS, sizeof(*at));
	ok(try_open() == 0, "what cannot be executed either is as good");
	drop();
	memfd_flags &= ~MFD_NOEXEC_SEAL;
}

static const struct {
	size_t offset;
	uint64_t value;
	size_t size;
	const char *what;
} lies[] = {
#define LIE(member, value, what) \
	{ offsetof(struct cf_kvm_said, member), (uint64_t)(value), sizeof(((struct cf_kvm_said *)0)->member), what }
	LIE(n_vcpus, CF_KVM_VCPUS + 1, "more vCPUs than there is room for"),
	LIE(n_vcpus, UINT32_MAX, "many more"),
	LIE(vcpus[1].id, 0, "two vCPUs that are one"),
	LIE(vcpus[0].khz, UINT64_MAX, "a TSC that nobody has"),
	LIE(capture.flags, UINT32_MAX, "flags that do not exist"),
	LIE(capture.realtime, INT64_MIN, "a time long ago"),
	LIE(capture.width, -1, "a width below nothing"),
	LIE(before.tai_s, 1 << 30, "a TAI offset of centuries"),
	LIE(outcome.result, CF_N_KVM_RESULTS, "a result that does not exist"),
	LIE(outcome.step, UINT32_MAX, "a step that does not exist"),
	LIE(outcome.direction, 3, "a third direction"),
	LIE(outcome.elapsed, INT64_MIN, "less than nothing elapsed"),
	LIE(outcome.n_vcpus, 5000, "an outcome of too many vCPUs"),
	LIE(outcome.readback.raw, -5, "a read-back before the boot"),
	LIE(virt.low, 1, "a counter whose ends are the wrong way round"),
};

static void test_lies(void)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	struct cf_kvm_said said, untouched;

	make(SEALS, sizeof(*at));
	at->said.n_vcpus = 2;
	at->said.vcpus[1].id = 7;
	ok(kvm_page_open("/proc", getpid(), &page, &err) == 0 && kvm_page_read(page, &said, &err) == 0 && said.n_vcpus == 2 &&
	   said.vcpus[1].id == 7, "what was said is read");
	at->arch = CF_KVM_ARCH_ARM64;
	at->version++;
	ok(kvm_page_arch(page) == CF_KVM_ARCH_X86 && kvm_page_version(page) == CF_KVM_VERSION, "what it is of does not change any more");
	at->arch = CF_KVM_ARCH_X86;
	at->version--;
	for (size_t i = 0; i < CF_COUNT(lies); i++) {
		const struct cf_kvm_said kept = at->said;
		int r;

		memcpy((char *)&at->said + lies[i].offset, &lies[i].value, lies[i].size);
		memset(&said, 0x55, sizeof(said));
		untouched = said;
		r = kvm_page_read(page, &said, &err);
		ok(r == -EPROTO && memcmp(&said, &untouched, sizeof(said)) == 0, "%s", lies[i].what);
		at->said = kept;
	}
	at->said.seq = 5;
	ok(kvm_page_read(page, &said, &err) == -EAGAIN, "a page that is written for ever is not waited for");
	at->said.seq = 6;
	at->sampled.sample.number = 3;
	at->sampled.sample.width.ns = INT64_MIN;
	ok(kvm_page_sample(page, &said.capture, &err) == -EPROTO, "a sample can be a lie, too");
	drop();
}

static void test_events(void)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	uint64_t one = 1;

	make(SEALS, sizeof(*at));
	ok(kvm_page_open("/proc", getpid(), &page, &err) == 0 && write(captured, &one, sizeof(one)) == sizeof(one), "it rings");
	kvm_page_heard(kvm_page_captured_fd(page));
	ok(read(captured, &one, sizeof(one)) < 0 && errno == EAGAIN, "what was heard does not ring any more");
	fcntl(captured, F_SETFL, 0);
	alarm(20);
	kvm_page_heard(kvm_page_captured_fd(page));
	alarm(0);
	ok(true, "nobody waits, though the library has made it wait");
	drop();
}

static void test_arm(void)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	static struct cf_kvm_asked asked = { .direction = CF_KVM_DESTINATION, .n_vcpus = 2, .offset = { -5 } };
	uint64_t first;

	make(SEALS, sizeof(*at));
	asked.vcpus[1].offset = -77;
	ok(kvm_page_open("/proc", getpid(), &page, &err) == 0 && kvm_page_arm(page, &asked, &err) == 0, "it is armed");
	first = asked.serial;
	ok(at->asked.seq == 2 && at->asked.direction == CF_KVM_DESTINATION && at->asked.vcpus[1].offset == -77 &&
	   at->asked.offset.ns == -5 && at->asked.serial == first && first, "as it was asked, whole");
	at->asked.seq = 3;
	ok(kvm_page_arm(page, &asked, &err) == 0 && at->asked.seq == 4 && asked.serial > first,
	   "again after an agent died in the middle, with another serial");
	first = asked.serial;
	kvm_page_prolong(page, (cf_mono){ 12345 });
	ok(at->asked.expires.ns == 12345 && at->asked.seq == 4 && at->asked.serial == first, "prolonged it is the same arming, and not being written");
	kvm_page_disarm(page, (const unsigned char *)"another migration");
	ok(at->asked.direction == CF_KVM_DESTINATION && at->asked.seq == 4, "who ends another migration does not disarm it");
	kvm_page_disarm(page, asked.migration);
	ok(at->asked.direction == CF_KVM_UNARMED && at->asked.seq == 6, "who ends this one does");
	asked.n_vcpus = CF_KVM_VCPUS + 1;
	ok(kvm_page_arm(page, &asked, &err) == -E2BIG && at->asked.seq == 6, "more vCPUs than there is room for are not written");
	drop();
}

/* One writes all the time what belongs together, one reads. */
static atomic_bool stop;

static void *writer(void *unused)
{
	for (uint64_t i = 1; !stop; i++) {
		cf_kvm_write_begin(&at->said.seq);
		at->said.capture.clock = i;
		for (int k = 0; k < 100; k++)
			at->said.vcpus[k].cnt = i;
		at->said.vcpus[CF_KVM_VCPUS - 1].after = (int64_t)i;
		cf_kvm_write_end(&at->said.seq);
		if (i % 8 == 0)
			usleep(1);
	}
	return unused;
}

static void test_torn(void)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	static struct cf_kvm_said said;
	cf_mono until = cf_mono_add(kernel_raw(), (cf_span){ 60 * CF_S });
	int torn = 0, whole = 0;
	pthread_t thread;

	make(SEALS, sizeof(*at));
	kvm_page_open("/proc", getpid(), &page, &err);
	pthread_create(&thread, NULL, writer, NULL);
	/* Where the writer waits for a processor in the middle of writing, none is whole before it goes on. */
	for (int i = 0; i < 20000 || (whole <= 100 && cf_mono_cmp(kernel_raw(), until) < 0); i++) {
		if (kvm_page_read(page, &said, &err) < 0)
			continue;
		whole++;
		for (int k = 0; k < 100; k++)
			torn += said.vcpus[k].cnt != said.capture.clock;
		torn += (uint64_t)said.vcpus[CF_KVM_VCPUS - 1].after != said.capture.clock;
	}
	stop = true;
	pthread_join(thread, NULL);
	ok(whole > 100 && !torn, "of %d readings beside a writer none is torn", whole);
	drop();
}

int main(void)
{
	test_open();
	test_lies();
	test_events();
	test_arm();
	test_torn();
	return done();
}
