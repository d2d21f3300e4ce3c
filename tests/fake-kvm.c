/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/kvm.h"
#include "tests/fake-inside.h"

int64_t fake_now;
struct fake_kind fake_kind;
void (*fake_in_guest)(void);
struct fake_vm fake_vm;
const struct fake_host *fake_host;

static int next_fd = FAKE_FD;
static struct { uint32_t request; int n; } calls[64];
static struct { uint32_t request; int nth, error; } failing;
static struct { int fd; char name[32]; } renamed;
static struct { int64_t at; void (*what)(void); } other;

/* Clocks */

uint64_t fake_counter_at(const struct fake_host *host, int64_t t)
{
	return host->counter + (uint64_t)((unsigned __int128)t * host->hz / CF_S);
}

uint64_t fake_counter(void)
{
	return fake_counter_at(fake_host, fake_now);
}

int64_t fake_raw(void)
{
	return fake_host->raw + fake_now;
}

int64_t fake_real(void)
{
	return fake_host->realtime + fake_now;
}

void fake_on(const struct fake_host *host)
{
	fake_host = host;
	memset(calls, 0, sizeof(calls));
	memset(&renamed, 0, sizeof(renamed));
	fake_fails(0, 0, 0);
}

uint64_t machine_counter(void)
{
	fake_now += 20;
	return fake_counter();
}

uint64_t machine_counter_hz(void)
{
#if defined(__aarch64__)
	return fake_host->hz;
#else
	return 0;
#endif
}

cf_real machine_realtime(void)
{
	fake_now += 25;
	return (cf_real){ fake_real() };
}

void fake_then(int64_t at, void (*what)(void))
{
	other.at = at;
	other.what = what;
}

static void let_others(void)
{
	void (*what)(void) = other.what;

	if (!what || fake_now < other.at)
		return;
	other.what = NULL;
	what();
}

cf_mono machine_raw(void)
{
	fake_now += 25;
	let_others();
	return (cf_mono){ fake_raw() };
}

int32_t machine_tai_s(void)
{
	return fake_host->tai_s;
}

/* An emulated machine may not know how to wipe; only the test of a fork needs it. */
void *machine_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_WIPEONFORK);
	return memory;
}

/* linux/memfd.h has it since 6.3; and the kernel of this machine may not know it. */
#define NOEXEC_SEAL 0x8U

int machine_memfd(unsigned flags)
{
	bool noexec = flags & NOEXEC_SEAL;
	int fd;

	if (noexec ? fake_kind.no_noexec : fake_kind.noexec_only) {
		errno = noexec ? EINVAL : EACCES;
		return -1;
	}
	fd = memfd_create(CF_KVM_MEMFD, flags);
	return fd < 0 && noexec && errno == EINVAL ? memfd_create(CF_KVM_MEMFD, flags & ~NOEXEC_SEAL) : fd;
}

/* Calls */

void fake_fails(unsigned long request, int nth, int error)
{
	failing.request = (uint32_t)request;
	failing.nth = nth;
	failing.error = error;
}

static int *counted(uint32_t request)
{
	size_t i = 0;

	while (calls[i].request && calls[i].request != request)
		i++;
	calls[i].request = request;
	return &calls[i].n;
}

int fake_calls(unsigned long request)
{
	return *counted((uint32_t)request);
}

/* The descriptors of the VM before are closed, and their numbers come again. */
static int create_vm(void)
{
	next_fd = FAKE_FD;
	fake_vm = (struct fake_vm){ .fd = next_fd++, .kvmclock_offset = -fake_raw(), .virt = fake_counter() };
	return fake_vm.fd;
}

static int create_vcpu(unsigned long id)
{
	struct fake_vcpu *vcpu = &fake_vm.vcpus[fake_vm.n++];

	*vcpu = (struct fake_vcpu){ .fd = next_fd++, .id = (uint32_t)id, .khz = fake_host->hz / 1000, .fires = -1 };
	if (fake_kind.ratio)
		vcpu->khz = (uint64_t)((unsigned __int128)vcpu->khz * fake_kind.ratio >> 48);
	return vcpu->fd;
}

static int dispatch(int fd, uint32_t request, void *arg)
{
	if (request == KVM_CREATE_VM)
		return create_vm();
	if (fd == fake_vm.fd && request == KVM_CREATE_VCPU)
		return create_vcpu((unsigned long)arg);
	if (fd == fake_vm.fd)
		return fake_vm_call(request, arg);
	for (int i = 0; i < fake_vm.n; i++)
		if (fake_vm.vcpus[i].fd == fd)
			return fake_vcpu_call(&fake_vm.vcpus[i], request, arg);
	return -ENOTTY;
}

int machine_ioctl(int fd, unsigned long request, void *arg)
{
	int r;

	fake_now += 300;
	++*counted((uint32_t)request);
	if (failing.nth && (uint32_t)request == failing.request && --failing.nth == 0)
		r = -failing.error;
	else
		r = dispatch(fd, (uint32_t)request, arg);
	fake_now += 200;
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

void fake_is(int fd, const char *name)
{
	renamed.fd = fd;
	snprintf(renamed.name, sizeof(renamed.name), "%s", name);
}

bool machine_descriptor(int fd, char *ret, unsigned size)
{
	char path[32];
	ssize_t n;

	fake_now += 100;
	if (fd == renamed.fd && *renamed.name)
		return snprintf(ret, size, "%s", renamed.name) > 0;
	if (fd == fake_vm.fd)
		return snprintf(ret, size, "anon_inode:kvm-vm") > 0;
	for (int i = 0; i < fake_vm.n; i++)
		if (fake_vm.vcpus[i].fd == fd)
			return snprintf(ret, size, "anon_inode:kvm-vcpu:%u", fake_vm.vcpus[i].id) > 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, ret, size - 1);
	if (n >= 0)
		ret[n] = '\0';
	return n >= 0;
}
