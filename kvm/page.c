/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/machine.h"

#if defined(__x86_64__)
#define ARCH CF_KVM_ARCH_X86
#elif defined(__aarch64__)
#define ARCH CF_KVM_ARCH_ARM64
#endif

/* As long as the agent may be held up while it writes: it takes far less, but may lose its processor. */
#define PATIENCE ((cf_span){ CF_MS })

/* linux/memfd.h has it since 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif

/*
 * A memfd that nobody can take memory from: who maps it need not fear SIGBUS.  Nor can it be executed, without which
 * a kernel where vm.memfd_noexec is 2 may make none (Linux 6.3 to 6.5); an older one knows no such flag.
 */
static int make_memfd(void)
{
	int fd = machine_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = machine_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, sizeof(struct cf_kvm_page)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct cf_kvm_page *map(int fd)
{
	struct cf_kvm_page *page = fd < 0 ? MAP_FAILED :
		mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return NULL;
	/* A child has nothing to say here; that it also has no page does not matter. */
	madvise(page, sizeof(*page), MADV_DONTFORK);
	return page;
}

void page_make(struct vm *vm)
{
	int memfd, capture, outcome;
	struct cf_kvm_page *page;

	if (vm->page)
		return;
	memfd = make_memfd();
	page = map(memfd);
	capture = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	outcome = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!page || capture < 0 || outcome < 0) {
		if (page)
			munmap(page, sizeof(*page));
		for (int i = 0; i < 3; i++) {
			int fd = (int[]){ memfd, capture, outcome }[i];

			if (fd >= 0)
				close(fd);
		}
		return;
	}
	page->version = CF_KVM_VERSION;
	page->size = sizeof(*page);
	page->arch = ARCH;
	page->pid = (uint32_t)getpid();
	page->memfd = memfd;
	page->event_capture = capture;
	page->event_outcome = outcome;
	__atomic_store_n(&page->magic, CF_KVM_MAGIC, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->page, page, __ATOMIC_RELEASE);
}

/* Never to a descriptor that somebody closed and that is now, say, a disk. */
static void ring(int fd)
{
	const uint64_t one = 1;
	char name[32];

	if (machine_descriptor(fd, name, sizeof(name)) && strcmp(name, "anon_inode:[eventfd]") == 0)
		(void)!write(fd, &one, sizeof(one));
}

/* What QEMU read of a counter travels, and what it wrote is of interest, only where the vCPU has not run since. */
static uint32_t flags_of(const struct vcpu *vcpu)
{
	return vcpu->ran ? vcpu->flags & ~(CF_KVM_VCPU_CNT | CF_KVM_VCPU_WRITTEN) : vcpu->flags;
}

static void put_vcpu(const struct vm *vm, uint32_t place, struct cf_kvm_said *said)
{
	const struct vcpu *vcpu = &vm->vcpus[place];

	said->vcpus[place] = (struct cf_kvm_vcpu){
		.id = vcpu->id,
		.flags = flags_of(vcpu),
		.offset = vcpu->offset,
		.khz = vcpu->khz,
		.cnt = vcpu->cnt,
		.cnt_last = vcpu->cnt_last,
		.pcnt = vcpu->pcnt,
		.before = vm->before[place],
		.after = vm->after[place],
	};
}

static void put_vcpus(const struct vm *vm, struct cf_kvm_said *said)
{
	for (uint32_t i = 0; i < vm->n; i++)
		put_vcpu(vm, i, said);
	said->n_vcpus = vm->n;
}

static void put_vm(const struct vm *vm, struct cf_kvm_said *said)
{
	said->vm_flags = vm->flags | (vm->virt.known ? CF_KVM_VM_COUNTERS : 0) |
		(vm->phys.known ? CF_KVM_VM_PHYS : 0);
	said->hz = machine_counter_hz();
	said->virt = vm->virt.offset;
	said->phys = vm->phys.offset;
	put_vcpus(vm, said);
}

void page_tell_capture(struct vm *vm)
{
	struct cf_kvm_said *said = &vm->page->said;

	vm->capture.number = ++vm->captures;
	cf_kvm_write_begin(&said->seq);
	said->before = said->capture;
	said->capture = vm->capture;
	put_vm(vm, said);
	cf_kvm_write_end(&said->seq);
	ring(vm->page->event_capture);
}

void page_tell_outcome(struct vm *vm)
{
	struct cf_kvm_said *said = &vm->page->said;

	cf_kvm_write_begin(&said->seq);
	said->outcome = vm->outcome;
	put_vm(vm, said);
	cf_kvm_write_end(&said->seq);
	ring(vm->page->event_outcome);
}

void page_tell_vcpu(struct vm *vm, const struct vcpu *vcpu)
{
	struct cf_kvm_said *said = &vm->page->said;

	cf_kvm_write_begin(&said->seq);
	if (said->n_vcpus == vm->n)
		put_vcpu(vm, (uint32_t)(vcpu - vm->vcpus), said);
	else
		put_vcpus(vm, said);
	cf_kvm_write_end(&said->seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* and so does the agent between arming and reading */
}

void page_tell_sample(struct vm *vm, const struct cf_kvm_capture *sample)
{
	struct cf_kvm_sampled *sampled = &vm->page->sampled;
	struct cf_kvm_said *said = &vm->page->said;

	cf_kvm_write_begin(&said->seq);
	put_vm(vm, said);
	cf_kvm_write_end(&said->seq);
	cf_kvm_write_begin(&sampled->seq);
	sampled->sample = *sample;
	sampled->sample.number = ++vm->captures;
	sampled->wanted = vm->answered;
	cf_kvm_write_end(&sampled->seq);
	ring(vm->page->event_capture);
}

/* What the agent asks, whole; false while it writes. */
static bool take_asked(struct vm *vm, uint32_t begun)
{
	const struct cf_kvm_asked *from = &vm->page->asked;
	const size_t head = offsetof(struct cf_kvm_asked, vcpus);

	if (begun & 1)
		return false;
	memcpy(&vm->asked, from, head);
	if (vm->asked.n_vcpus > CF_KVM_VCPUS)
		vm->asked.n_vcpus = 0;
	memcpy(vm->asked.vcpus, from->vcpus, vm->asked.n_vcpus * sizeof(from->vcpus[0]));
	return !cf_kvm_read_again(&from->seq, begun);
}

/* Waits for a writer, once for each: on arm64 one that died would be waited for with every counter. */
static bool await_asked(struct vm *vm)
{
	const uint32_t *seq = &vm->page->asked.seq;
	uint32_t begun = cf_kvm_read_begin(seq);
	cf_mono until;

	if (take_asked(vm, begun))
		return true;
	if (begun & 1 && begun == vm->given_up)
		return false;
	until = cf_mono_add(machine_raw(), PATIENCE);
	do {
		begun = cf_kvm_read_begin(seq);
		if (take_asked(vm, begun))
			return true;
	} while (cf_mono_cmp(machine_raw(), until) < 0);
	vm->given_up = begun;
	return false;
}

bool page_asked(struct vm *vm)
{
	return await_asked(vm) && vm->asked.direction != CF_KVM_UNARMED && vm->asked.serial &&
	       vm->asked.serial != vm->acted && cf_mono_cmp(machine_raw(), vm->asked.expires) < 0;
}
