/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/machine.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/kvm.h"

int machine_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

#if defined(__x86_64__)

uint64_t machine_counter(void)
{
	uint32_t low, high;

	/* Neither before what stands in front of it nor after what follows. */
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

uint64_t machine_counter_hz(void)
{
	return 0;
}

#elif defined(__aarch64__)

/* A host's offset of its own virtual counter is 0, so that this is what KVM subtracts from. */
uint64_t machine_counter(void)
{
	uint64_t count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(count) : : "memory");
	return count;
}

uint64_t machine_counter_hz(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}

#endif

static int64_t now(clockid_t clock)
{
	struct timespec at;

	return clock_gettime(clock, &at) < 0 ? 0 : at.tv_sec * CF_S + at.tv_nsec;
}

cf_real machine_realtime(void)
{
	return (cf_real){ now(CLOCK_REALTIME) };
}

cf_mono machine_raw(void)
{
	return (cf_mono){ now(CLOCK_MONOTONIC_RAW) };
}

int32_t machine_tai_s(void)
{
	int64_t before = now(CLOCK_REALTIME);

	/* Whole seconds, whatever passes between the two readings. */
	return (int32_t)((now(CLOCK_TAI) - before) / CF_S);
}

void *machine_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, size, MADV_WIPEONFORK) == 0)
		return memory;
	munmap(memory, size);
	return NULL;
}

int machine_memfd(unsigned flags)
{
	return memfd_create(CF_KVM_MEMFD, flags);
}

bool machine_descriptor(int fd, char *ret, unsigned size)
{
	char path[] = "/proc/self/fd/\0         ", *digit = path + sizeof(path) - 1;
	char *name = path + sizeof("/proc/self/fd/") - 1;
	ssize_t n;

	if (fd < 0)
		return false;
	*--digit = '\0';
	do {
		*--digit = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd);
	while ((*name++ = *digit++) != '\0')
		;
	n = readlink(path, ret, size - 1);
	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}
