/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How the threads meet.  A guard's word has its state, which of its two sets of
 * sockets is in force, and whose guard it is; whoever changes the word owns what
 * it then says:
 *
 *	FREE -> OPEN -> CUTTING -> CUT -> FREE		CUTTING: the sockets in force are in use
 *	             -> LOADED         -> FREE
 *
 * Stores to the word release and loads acquire, so that whoever sees a state sees
 * what was written before it: of OPEN the sockets, of CUT how it went.  A set is
 * written while it is not in force.  A deadline is a number by itself; it is read
 * after the word, and the cut replaces that same word, so a deadline of one guard
 * never cuts the next one in its place.  A deadline moved forward wakes the
 * thread through an eventfd; one moved back does not have to, it looks again when
 * the old one comes.
 */
#include "daemon/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"

#ifdef __SANITIZE_THREAD__
#define STACK    (2 * 1024 * 1024)	/* of which ThreadSanitizer takes most of a megabyte */
#else
#define STACK    (256 * 1024)	/* the thread's own storage of all libraries is in it, too */
#endif
#define PRIORITY 10		/* of SCHED_FIFO: before whatever is not real-time, behind whoever means it */
#define NEVER    INT64_MAX

/* What the thread runs lies together, to be locked in memory. */
#define HELD __attribute__((section("watchdog_text")))
extern const char __start_watchdog_text[], __stop_watchdog_text[];

enum state { FREE, OPEN, CUTTING, CUT, LOADED };

#define STATE(word)	((enum state)((word) & 7))
#define SET(word)	(((word) >> 3) & 1)
#define WHOSE(word)	((word) >> 4)
#define WORD(whose, set, state) ((uint64_t)(whose) << 4 | (uint64_t)(set) << 3 | (uint64_t)(state))

struct guard {
	_Atomic uint64_t word;
	_Atomic int64_t due[GUARD_N_REASONS];	/* RAW; only those of the two that have one */
	atomic_int pidfd;			/* as long as it is OPEN */
	struct cut sets[2];
	struct guard_end end;			/* written while CUTTING */
	struct watchdog *dog;
};

struct watchdog {
	struct guard guards[GUARDS_MAX];
	struct pollfd polled[1 + GUARDS_MAX];	/* the eventfd, and processes */
	struct {
		struct guard *guard;
		uint64_t word;
	} of[1 + GUARDS_MAX];
	atomic_bool stop;
	int wake;				/* eventfd */
	void *stack;
	pthread_t thread;
	struct watchdog_standing standing;
};

static const char *const reasons[GUARD_N_REASONS] = {
	[GUARD_NOT] = "not", [GUARD_HEARTBEAT] = "heartbeat", [GUARD_BLACKOUT] = "blackout",
	[GUARD_ENDED] = "ended", [GUARD_ASKED] = "asked",
};

const char *guard_reason_name(enum guard_reason reason)
{
	return reasons[reason];
}

/* What the thread does, and guard_cut() */

HELD static int64_t raw_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);	/* no system call: the vdso */
	return (int64_t)now.tv_sec * CF_S + now.tv_nsec;
}

/* The first error; how many makes no difference to it. */
HELD static int shut_down(const struct cut *cut)
{
	int error = 0;

	for (size_t i = 0; i < cut->n; i++)
		if (syscall(SYS_shutdown, cut->fds[i], SHUT_RDWR) < 0 && !error)
			error = errno;
	return error;
}

/* Returns false when the guard is no longer what `word` says. */
HELD static bool try_cut(struct guard *guard, uint64_t word, enum guard_reason reason, int64_t due)
{
	const struct cut *cut = &guard->sets[SET(word)];
	uint64_t seen = word;

	if (!atomic_compare_exchange_strong_explicit(&guard->word, &seen, WORD(WHOSE(word), SET(word), CUTTING),
						     memory_order_acq_rel, memory_order_relaxed))
		return false;

	guard->end.cut = true;
	guard->end.reason = reason;
	guard->end.error = shut_down(cut);
	guard->end.n = cut->n;
	guard->end.at.ns = raw_now();
	guard->end.late.ns = due == NEVER ? 0 : guard->end.at.ns - due;
	atomic_store_explicit(&guard->word, WORD(WHOSE(word), SET(word), CUT), memory_order_release);
	return true;
}

/* Cuts what is due; the next deadline is in *next.  Returns false when something changed meanwhile. */
HELD static bool look_at(struct guard *guard, uint64_t word, int64_t now, int64_t *next)
{
	for (int reason = GUARD_HEARTBEAT; reason <= GUARD_BLACKOUT; reason++) {
		int64_t due = atomic_load_explicit(&guard->due[reason], memory_order_acquire);

		if (due <= now)
			return try_cut(guard, word, reason, due);
		*next = due < *next ? due : *next;
	}
	return true;
}

/*
 * The time is up on RAW, and the kernel waits on MONOTONIC, which chronyd may slew
 * by a twelfth: most of it first, and the rest when it is so short that this makes
 * no difference.
 */
HELD static struct timespec wait_for(int64_t next, int64_t now)
{
	int64_t left = next > now ? next - now : 0;

	if (left > CF_MS)
		left -= left / 8;
	return (struct timespec){ .tv_sec = left / CF_S, .tv_nsec = left % CF_S };
}

/* Looks at every guard and gathers whose process is to be polled; when to look again is in *next. */
HELD static nfds_t look(struct watchdog *dog, int64_t *next)
{
	int64_t now = raw_now();
	nfds_t n = 1;

	*next = NEVER;
	for (struct guard *guard = dog->guards; guard < dog->guards + GUARDS_MAX; guard++) {
		uint64_t word = atomic_load_explicit(&guard->word, memory_order_acquire);

		if (STATE(word) != OPEN)
			continue;
		if (!look_at(guard, word, now, next))
			*next = now;
		dog->polled[n] = (struct pollfd){
			.fd = atomic_load_explicit(&guard->pidfd, memory_order_relaxed), .events = POLLIN };
		dog->of[n].guard = guard;
		dog->of[n++].word = word;
	}
	return n;
}

/* The process of a guard is gone.  Not if the guard is another's by now, and so its number. */
HELD static void on_ended(struct guard *guard, uint64_t polled)
{
	uint64_t word = atomic_load_explicit(&guard->word, memory_order_acquire);

	while (STATE(word) == OPEN && WHOSE(word) == WHOSE(polled) && !try_cut(guard, word, GUARD_ENDED, NEVER))
		word = atomic_load_explicit(&guard->word, memory_order_acquire);
}

HELD static void turn(struct watchdog *dog)
{
	uint64_t woken;
	int64_t next;
	nfds_t n = look(dog, &next);
	struct timespec left = wait_for(next, raw_now());

	if (syscall(SYS_ppoll, dog->polled, n, next == NEVER ? NULL : &left, NULL, 0) <= 0)
		return;
	if (dog->polled[0].revents)
		syscall(SYS_read, dog->wake, &woken, sizeof(woken));
	for (nfds_t i = 1; i < n; i++)
		if (dog->polled[i].revents & POLLIN)
			on_ended(dog->of[i].guard, dog->of[i].word);
}

HELD static void *run(void *userdata)
{
	struct watchdog *dog = userdata;

	while (!atomic_load_explicit(&dog->stop, memory_order_acquire))
		turn(dog);
	return NULL;
}

/* Its beginning and its end */

static void wake(struct watchdog *dog)
{
	uint64_t one = 1;

	/* Full means that it is to wake up anyway. */
	if (write(dog->wake, &one, sizeof(one)) < 0)
		return;
}

/* Lock the pages of [from, to) in memory; what was the matter, kept from the first time. */
static void lock_pages(const void *from, size_t size, int *error)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from & ~(page - 1);

	if (mlock((const void *)start, (uintptr_t)from + size - start) < 0 && !*error)
		*error = errno;
}

static void lock_memory(struct watchdog *dog)
{
	int error = 0;

	lock_pages(dog, sizeof(*dog), &error);
	lock_pages(dog->stack, STACK, &error);
	lock_pages(__start_watchdog_text, (size_t)(__stop_watchdog_text - __start_watchdog_text), &error);
	lock_pages((const void *)syscall, 64, &error);
	lock_pages((const void *)clock_gettime, 256, &error);
	dog->standing.locked = !error;
	if (error)
		snprintf(dog->standing.why, sizeof(dog->standing.why), "its memory cannot be locked: %s",
			 strerror(error));
}

static void make_realtime(struct watchdog *dog)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	int error = pthread_setschedparam(dog->thread, SCHED_FIFO, &param);
	size_t used = strlen(dog->standing.why);

	dog->standing.realtime = error == 0;
	if (error)
		snprintf(dog->standing.why + used, sizeof(dog->standing.why) - used,
			 "%sits thread cannot be real-time: %s", used ? "; " : "", strerror(error));
}

/* No signal is for it, and what libraries resolve at the first call is resolved. */
static void *begin(void *userdata)
{
	struct watchdog *dog = userdata;
	struct pollfd none = { .fd = -1 };
	const struct timespec no_time = { 0 };

	prctl(PR_SET_NAME, "watchdog");
	prctl(PR_SET_TIMERSLACK, 1);	/* counts where it is not real-time */
	syscall(SYS_ppoll, &none, 1, &no_time, NULL, 0);
	raw_now();
	return run(dog);
}

static int start_thread(struct watchdog *dog)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	error = pthread_attr_setstack(&attributes, dog->stack, STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!error)
		error = pthread_create(&dog->thread, &attributes, begin, dog);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

static void give_back(struct watchdog *dog)
{
	if (dog->wake >= 0)
		close(dog->wake);
	if (dog->stack != MAP_FAILED)
		munmap(dog->stack, STACK);
	munmap(dog, sizeof(*dog));
}

int watchdog_start(struct watchdog **ret, struct cf_error *err)
{
	const int kind = MAP_PRIVATE | MAP_ANONYMOUS;
	struct watchdog *dog = mmap(NULL, sizeof(*dog), PROT_READ | PROT_WRITE, kind, -1, 0);
	int error;

	if (dog == MAP_FAILED)
		return cf_fail(err, errno, CF_HOST, "no memory for the watchdog: %s", strerror(errno));
	dog->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, kind | MAP_STACK, -1, 0);
	dog->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = dog->stack == MAP_FAILED || dog->wake < 0 ? errno : 0;
	dog->polled[0] = (struct pollfd){ .fd = dog->wake, .events = POLLIN };
	if (!error) {
		lock_memory(dog);
		error = start_thread(dog);
	}
	if (error) {
		give_back(dog);
		return cf_fail(err, error, CF_HOST, "the watchdog cannot be started: %s", strerror(error));
	}
	make_realtime(dog);
	*ret = dog;
	return 0;
}

struct watchdog *watchdog_stop(struct watchdog *dog)
{
	if (!dog)
		return NULL;

	atomic_store_explicit(&dog->stop, true, memory_order_release);
	wake(dog);
	pthread_join(dog->thread, NULL);
	give_back(dog);
	return NULL;
}

void watchdog_standing(const struct watchdog *dog, struct watchdog_standing *ret)
{
	*ret = dog->standing;
}

/* Guards */

static uint64_t word_of(const struct guard *guard)
{
	return atomic_load_explicit(&guard->word, memory_order_acquire);
}

/* Replace the word if it is still that one. */
static bool change(struct guard *guard, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(&guard->word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* A free one is taken as one that was cut is: nobody looks at it, and then it is opened. */
struct guard *guard_new(struct watchdog *dog, int pidfd)
{
	for (struct guard *guard = dog->guards; guard < dog->guards + GUARDS_MAX; guard++) {
		uint64_t word = word_of(guard), whose = WHOSE(word) + 1;

		if (STATE(word) != FREE || !change(guard, word, WORD(whose, 0, CUT)))
			continue;
		for (int reason = 0; reason < GUARD_N_REASONS; reason++)
			atomic_store_explicit(&guard->due[reason], NEVER, memory_order_relaxed);
		guard->dog = dog;
		atomic_store_explicit(&guard->pidfd, pidfd, memory_order_relaxed);
		guard->sets[0].n = 0;
		guard->end = (struct guard_end){ 0 };
		atomic_store_explicit(&guard->word, WORD(whose, 0, OPEN), memory_order_release);
		if (pidfd >= 0)
			wake(dog);
		return guard;
	}
	return NULL;
}

/* A cut that has begun takes microseconds more. */
static uint64_t settled(const struct guard *guard)
{
	const struct timespec moment = { .tv_nsec = 20 * CF_US };
	uint64_t word;

	while (STATE(word = word_of(guard)) == CUTTING)
		nanosleep(&moment, NULL);
	return word;
}

struct guard *guard_free(struct guard *guard)
{
	uint64_t word;

	if (!guard)
		return NULL;
	do
		word = settled(guard);
	while (!change(guard, word, WORD(WHOSE(word), 0, FREE)));
	return NULL;
}

bool guard_sockets(struct guard *guard, const struct cut *cut)
{
	for (;;) {
		uint64_t word = settled(guard), other = !SET(word);

		if (STATE(word) == CUT)
			shut_down(cut);
		if (STATE(word) != OPEN)
			return false;
		guard->sets[other].n = cut->n;
		memcpy(guard->sets[other].fds, cut->fds, cut->n * sizeof(*cut->fds));
		if (change(guard, word, WORD(WHOSE(word), other, OPEN)))
			return true;
	}
}

void guard_due(struct guard *guard, enum guard_reason reason, cf_mono at)
{
	if (at.ns < atomic_exchange_explicit(&guard->due[reason], at.ns, memory_order_acq_rel))
		wake(guard->dog);
}

void guard_clear(struct guard *guard, enum guard_reason reason)
{
	guard_due(guard, reason, (cf_mono){ NEVER });
}

bool guard_loaded(struct guard *guard)
{
	uint64_t word = word_of(guard);

	while (STATE(word) == OPEN && !change(guard, word, WORD(WHOSE(word), SET(word), LOADED)))
		word = word_of(guard);
	return STATE(word) == OPEN || STATE(word) == LOADED;
}

bool guard_cut(struct guard *guard)
{
	uint64_t word = word_of(guard);

	while (STATE(word) == OPEN && !try_cut(guard, word, GUARD_ASKED, NEVER))
		word = word_of(guard);
	return STATE(word) == OPEN;
}

void guard_read(const struct guard *guard, struct guard_end *ret)
{
	uint64_t word = settled(guard);

	*ret = STATE(word) == CUT ? guard->end : (struct guard_end){ .loaded = STATE(word) == LOADED };
}
