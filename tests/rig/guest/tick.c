/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tick PORT MS: the guest's side of the outside tick stream.  Every MS
 * milliseconds one line of fixed width, one write: boot id, counter, then
 * CLOCK_REALTIME, CLOCK_MONOTONIC (ns) and the TSC, all hex.
 * tick --each PORT MS: such a stream from each vCPU, and one from each of a few
 * that sleep until a moment of CLOCK_MONOTONIC.  Three more fields: whose line
 * it is (vCPU, or f0 and more: a sleeper), by how much it woke too late (ns),
 * and by how much any vCPU's TSC was ever seen behind another's.
 * tick --dirty MB RATE: changes memory at RATE MB/s, for ever.
 *
 * Static: the initramfs has no C library of its own to offer.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES_PER_MB (1024 * 1024 / PAGE)

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}

static void wait_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* A line that the port would not take at once is lost, and its number missing: never late. */
static int tick(const char *port, long ms)
{
	int fd = open(port, O_WRONLY | O_NONBLOCK);
	uint16_t boot = 0;
	uint32_t n;

	if (fd < 0) {
		perror(port);
		return 1;
	}
	if (getrandom(&boot, sizeof(boot), 0) < 0)
		perror("getrandom");

	for (n = 1;; n++) {
		char line[80];
		int len = snprintf(line, sizeof(line), "%04x %08x %016llx %016llx %016llx\n", boot, n,
				   (unsigned long long)clock_ns(CLOCK_REALTIME),
				   (unsigned long long)clock_ns(CLOCK_MONOTONIC),
				   (unsigned long long)counter());

		if (write(fd, line, len) < 0) {
			/* EAGAIN: the next line's number tells. */
		}
		wait_ms(ms);
	}
}

#define MAX_VCPUS 16
#define SLEEPERS 4
#define SLEEP_NS UINT64_C(4000000000)

static struct {
	int port;
	long ms;
	uint16_t boot;
	atomic_uint_fast64_t latest, behind; /* of the TSCs: the newest that any vCPU has shown, and the worst */
} each;

static void compare_counters(void)
{
	uint64_t latest = atomic_load(&each.latest), mine = counter();

	while (mine > latest)
		if (atomic_compare_exchange_weak(&each.latest, &latest, mine))
			return;
	if (latest - mine > atomic_load(&each.behind))
		atomic_store(&each.behind, latest - mine);
}

static void say(unsigned who, uint32_t n, uint64_t late)
{
	char line[128];
	int len = snprintf(line, sizeof(line), "%04x %08x %016llx %016llx %016llx %02x %016llx %016llx\n", each.boot, n,
			   (unsigned long long)clock_ns(CLOCK_REALTIME), (unsigned long long)clock_ns(CLOCK_MONOTONIC),
			   (unsigned long long)counter(), who, (unsigned long long)late,
			   (unsigned long long)atomic_load(&each.behind));

	if (write(each.port, line, len) < 0) {
		/* EAGAIN: the next line's number tells. */
	}
}

static void *vcpu(void *arg)
{
	uintptr_t cpu = (uintptr_t)arg;
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(cpu, &only);
	if (sched_setaffinity(0, sizeof(only), &only) < 0)
		perror("sched_setaffinity");

	for (uint32_t n = 1;; n++) {
		for (int i = 0; i < 20; i++)
			compare_counters();
		say(cpu, n, 0);
		wait_ms(each.ms);
	}
	return NULL;
}

/* They take turns, so that of those asleep at a switchover some are due well after it. */
static void *sleeper(void *arg)
{
	uintptr_t which = (uintptr_t)arg;
	uint64_t due = clock_ns(CLOCK_MONOTONIC) + SLEEP_NS / SLEEPERS * which;

	for (uint32_t n = 1;; n++) {
		struct timespec until;

		due += SLEEP_NS;
		until = (struct timespec){ due / 1000000000, due % 1000000000 };
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
			;
		say(0xf0 + which, n, clock_ns(CLOCK_MONOTONIC) - due);
	}
	return NULL;
}

static int tick_each(const char *port, long ms)
{
	long vcpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	each.ms = ms;
	each.port = open(port, O_WRONLY | O_NONBLOCK);
	if (each.port < 0) {
		perror(port);
		return 1;
	}
	if (getrandom(&each.boot, sizeof(each.boot), 0) < 0)
		perror("getrandom");

	for (long i = 0; i < vcpus && i < MAX_VCPUS; i++)
		if (pthread_create(&thread, NULL, vcpu, (void *)i) != 0)
			return 1;
	for (long i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread, NULL, sleeper, (void *)i) != 0)
			return 1;
	for (;;)
		pause();
}

static int dirty(long mb, long rate)
{
	size_t pages = mb * PAGES_PER_MB, per_step = rate * PAGES_PER_MB / 100, at = 0;
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char value = 1;

	if (memory == MAP_FAILED || pages == 0)
		return 1;

	memset(memory, 1, pages * PAGE);
	for (;; wait_ms(10)) {
		for (size_t i = 0; i < per_step; i++) {
			memory[at * PAGE] = value++;
			at = (at + 1) % pages;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--dirty") == 0)
		return dirty(atol(argv[2]), atol(argv[3]));
	if (argc == 4 && strcmp(argv[1], "--each") == 0)
		return tick_each(argv[2], atol(argv[3]));
	if (argc == 3)
		return tick(argv[1], atol(argv[2]));

	return 2;
}
