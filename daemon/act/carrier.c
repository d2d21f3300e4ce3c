/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/carrier.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/kvm-guest.h"
#include "daemon/worker.h"
#include "policy/carry.h"
#include "policy/offset.h"
#include "proto/incoming.h"

#define TURN        50				/* ms: to see that somebody has paused the guest */
#define BELL_REST   2				/* ms: who has broken out of a guest can ring all day */
#define PUSH_EVERY  ((cf_span){ CF_S })
#define PATIENCE    ((cf_span){ 2 * CF_S })
#define ARM_EVERY   ((cf_span){ 10 * CF_S })
#define ARMED_FOR   ((cf_span){ 60 * CF_S })	/* an arming outlives its agent by so much at most */

struct carrier {
	struct call *call;			/* the thread's, as is: */
	char migration[CF_UUID_ROOM];
	unsigned char id[16];
	struct guest_watch *watch;
	struct lookout *lookout;
	int64_t host_hz;
	pid_t pid;
	struct cf_guest_clock guest;
	struct cf_vcpu_counter seen[CF_VCPUS_MAX];	/* as debugfs has them; guest's are the guest's own */
	struct cf_counters counters;
	struct cf_kvm_asked asked;
	struct cf_kvm_said said;
	uint64_t first, told;			/* numbers of captures: when it began, and the last that was sent */
	uint32_t missed;			/* how many had been missed when it began; after a restart nobody knows */
	bool paused;				/* by somebody; the watch says nothing of one from before it */
	bool again;				/* armed by an agent before this one; it has no watch */
	bool armed, wanted;
	cf_mono armed_at, pushed_at;
	pthread_t thread;
	bool has_thread;
	int wake;				/* eventfd: stop */
	struct kvm_page *page;			/* read by any thread; armed by the carrier's */
	pthread_mutex_t lock;
	struct carrier_news news;		/* under the lock */
};

static bool passed(cf_mono since, cf_span span)
{
	return cf_span_cmp(cf_mono_since(kernel_raw(), since), span) >= 0;
}

/* --- armed for the migration that fails --- */

static void arm(struct carrier *carrier)
{
	struct cf_error err = { 0 };

	carrier->asked = (struct cf_kvm_asked){
		.direction = CF_KVM_SOURCE,
		.expires = cf_mono_add(kernel_raw(), ARMED_FOR),
		.host_hz = (uint64_t)carrier->host_hz,
	};
	memcpy(carrier->asked.migration, carrier->id, sizeof(carrier->id));
	carrier->armed = kvm_page_arm(carrier->page, &carrier->asked, &err) == 0;
	carrier->armed_at = kernel_raw();
}

/* What was asked of the library before a pause it may have answered before or in it: of the map that is over. */
static void look_for_pause(struct carrier *carrier, const struct guest_events *events)
{
	bool resumed = events->has_resume || events->resume_unplaced;

	if (carrier->paused && !events->paused && resumed)
		carrier->wanted = false;
	carrier->paused = events->paused || (carrier->paused && !resumed);
}

/*
 * Not anew while the guest stands for its migration: what is armed must be what QEMU finds.  It may stand
 * for long, where nobody knows yet on which host it is to run, and does not outlast its arming.
 */
static void keep_armed(struct carrier *carrier, const struct guest_events *events)
{
	if (carrier->paused && carrier->armed) {
		kvm_page_disarm(carrier->page, carrier->id);
		carrier->armed = false;
	} else if (!carrier->paused && !events->stopped && (!carrier->armed || passed(carrier->armed_at, ARM_EVERY))) {
		arm(carrier);
	} else if (events->stopped && carrier->armed) {
		kvm_page_prolong(carrier->page, cf_mono_add(kernel_raw(), ARMED_FOR));
	}
}

/* --- to the other host --- */

static void note(struct carrier *carrier, bool taken, const char *why)
{
	pthread_mutex_lock(&carrier->lock);
	if (taken)
		carrier->news.there = !*why;
	snprintf(carrier->news.why, sizeof(carrier->news.why), "%s", why);
	pthread_mutex_unlock(&carrier->lock);
}

/* What the lookout knows of the two hosts' clocks. */
static bool offset_at(struct carrier *carrier, cf_mono at, char boot[static CF_BOOT_ROOM], struct cf_interval *ret)
{
	struct lookout_news news;

	lookout_read(carrier->lookout, &news);
	if (news.offset.rounds == 0)
		return false;
	*ret = cf_offset_raw(&news.offset, at);
	memcpy(boot, news.boot, CF_BOOT_ROOM);
	return true;
}

static void read_vcpus(struct carrier *carrier)
{
	struct cf_guest_clock *guest = &carrier->guest;
	size_t n;

	if (counters_read(&counter_roots, carrier->pid, carrier->seen, &n, NULL) < 0)
		return;
	cf_carry_keep(carrier->seen, n, guest->vcpus, guest->n_vcpus);
	memcpy(guest->vcpus, carrier->seen, n * sizeof(carrier->seen[0]));
	guest->n_vcpus = n;
}

static void push(struct carrier *carrier, const struct cf_kvm_capture *capture, bool stopped)
{
	const char *segments[] = { carrier->migration };
	struct cf_counter_point point;
	struct cf_interval offset;
	struct cf_accepted accepted;
	struct cf_error err = { 0 };
	char boot[CF_BOOT_ROOM], why[CF_DETAIL_ROOM];

	if (!offset_at(carrier, capture->raw, boot, &offset)) {
		note(carrier, false, "the offset of the two hosts' clocks is not known");
		return;
	}
	read_vcpus(carrier);
	point = cf_carry_point(capture, kvm_page_arch(carrier->page), offset);
	cf_carry_tell(&carrier->said, &point, stopped, &carrier->guest, &carrier->counters);
	memcpy(carrier->counters.destination_boot, boot, sizeof(boot));
	cf_carry_is_whole(&carrier->counters, kvm_page_arch(carrier->page), carrier->guest.vcpus, carrier->guest.n_vcpus, why);
	if (call_do(carrier->call, CF_ROUTE_COUNTERS, segments, NULL, &carrier->counters, &accepted, PATIENCE, NULL, &err) < 0)
		note(carrier, false, err.text);
	else
		note(carrier, true, why);
	carrier->pushed_at = kernel_raw();
}

/* The guest stands, and the library has seen its clocks once more. */
static bool push_capture(struct carrier *carrier)
{
	if (carrier->said.capture.number <= carrier->told)
		return false;
	carrier->told = carrier->said.capture.number;
	push(carrier, &carrier->said.capture, true);
	return true;
}

static void push_sample(struct carrier *carrier)
{
	struct cf_kvm_capture sample;

	if (!carrier->wanted) {
		kvm_page_want(carrier->page);
		carrier->wanted = true;
	}
	if (kvm_page_sample(carrier->page, &sample, NULL) < 0)
		return;
	carrier->wanted = false;
	push(carrier, &sample, false);
}

static void look(struct carrier *carrier)
{
	struct guest_events events;

	guest_watch_read(carrier->watch, &events);
	look_for_pause(carrier, &events);
	keep_armed(carrier, &events);
	if (kvm_page_read(carrier->page, &carrier->said, NULL) < 0)
		return;
	if (carrier->paused) {
		carrier->told = carrier->said.capture.number;
		return;
	}
	if (!push_capture(carrier) && !events.stopped && passed(carrier->pushed_at, PUSH_EVERY))
		push_sample(carrier);
}

static void *carry(void *userdata)
{
	struct carrier *carrier = userdata;
	struct pollfd fds[] = { { carrier->wake, POLLIN, 0 }, { kvm_page_captured_fd(carrier->page), POLLIN, 0 } };

	for (;;) {
		look(carrier);
		poll(fds, CF_COUNT(fds), TURN);
		if (fds[1].revents) {
			kvm_page_heard(fds[1].fd);
			poll(fds, 1, BELL_REST);
		}
		if (fds[0].revents)
			return NULL;
	}
}

/* --- */

/* After a restart: the guest may stand, and what is armed may not be written, nor is anything of it to be told. */
static void *keep(void *userdata)
{
	struct carrier *carrier = userdata;
	struct pollfd wake = { carrier->wake, POLLIN, 0 };

	do
		kvm_page_prolong(carrier->page, cf_mono_add(kernel_raw(), ARMED_FOR));
	while (poll(&wake, 1, TURN) == 0);
	return NULL;
}

/* The other host is told what the library says; or nobody is, of one that an agent before this one has armed. */
static int set_out(struct carrier *carrier, const struct act_context *context, const struct carrier_options *options,
		   struct cf_error *err)
{
	int r;

	if (options->again)
		return kvm_page_is_armed(carrier->page, carrier->id)
			       ? 0 : cf_fail(err, ENOENT, CF_NOT_FOUND, "the library is not armed for this migration");
	r = kvm_page_read(carrier->page, &carrier->said, err);
	if (r == 0)
		r = fleet_call(context->fleet, options->destination, &carrier->call, err);
	if (r < 0)
		return r;
	carrier->first = carrier->told = carrier->said.capture.number;
	carrier->missed = carrier->said.n_missed;
	if (!carrier->paused)
		arm(carrier);
	return 0;
}

int carrier_new(struct carrier **ret, const struct act_context *context, const struct carrier_options *options,
		struct cf_error *err)
{
	CF_AUTO(carrier_free) struct carrier *carrier = calloc(1, sizeof(*carrier));
	int r;

	if (!carrier)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	pthread_mutex_init(&carrier->lock, NULL);
	snprintf(carrier->migration, sizeof(carrier->migration), "%s", options->migration);
	kvm_guest_id(options->migration, carrier->id);
	carrier->watch = options->watch;
	carrier->lookout = options->lookout;
	carrier->host_hz = options->host_hz;
	carrier->paused = options->paused;
	carrier->again = options->again;
	carrier->guest = *options->guest;
	carrier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (carrier->wake < 0)
		return cf_fail(err, errno, CF_HOST, "eventfd: %s", strerror(errno));
	r = kvm_guest_open(&counter_roots, carrier->guest.domain, carrier->guest.uuid, &carrier->page, &carrier->pid, err);
	if (r == 0)
		r = set_out(carrier, context, options, err);
	if (r == 0)
		r = worker_thread(&carrier->thread, options->again ? keep : carry, carrier, err);
	if (r < 0)
		return r;
	carrier->has_thread = true;

	*ret = CF_TAKE(carrier);
	return 0;
}

void carrier_read(struct carrier *carrier, struct carrier_news *ret)
{
	pthread_mutex_lock(&carrier->lock);
	*ret = carrier->news;
	pthread_mutex_unlock(&carrier->lock);
}

/* The thread has a copy of its own; here it is for a moment. */
static bool read_page(struct carrier *carrier, struct cf_kvm_said **ret)
{
	struct cf_kvm_said *said = malloc(sizeof(*said));

	if (said && kvm_page_read(carrier->page, said, NULL) == 0) {
		*ret = said;
		return true;
	}
	free(said);
	return false;
}

bool carrier_capture(struct carrier *carrier, struct cf_kvm_capture *ret)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = NULL;

	if (!read_page(carrier, &said) || said->capture.number <= carrier->first || said->n_missed != carrier->missed)
		return false;
	*ret = said->capture;
	return true;
}

enum cf_kvm_arch carrier_arch(const struct carrier *carrier)
{
	return kvm_page_arch(carrier->page);
}

bool carrier_kept(struct carrier *carrier, struct cf_counter_report *ret)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = NULL;

	if (!read_page(carrier, &said) || said->outcome.direction != CF_KVM_SOURCE ||
	    memcmp(said->outcome.migration, carrier->id, sizeof(carrier->id)) != 0)
		return false;
	cf_carry_report(&(struct cf_carried){ .said = said, .arch = kvm_page_arch(carrier->page) }, ret);
	return true;
}

static void end(struct carrier *carrier)
{
	const uint64_t one = 1;

	if (!carrier->has_thread)
		return;
	(void)!write(carrier->wake, &one, sizeof(one));
	pthread_join(carrier->thread, NULL);
	carrier->has_thread = false;
}

/* Does the guest stand for its migration, as far as anybody knows? */
static bool stands(struct carrier *carrier)
{
	struct guest_events events;

	if (carrier->again)
		return true;
	guest_watch_read(carrier->watch, &events);
	return events.stopped && !carrier->paused;
}

struct carrier *carrier_free(struct carrier *carrier)
{
	if (carrier && carrier->page) {
		end(carrier);
		kvm_page_disarm(carrier->page, carrier->id);
		kvm_page_free(CF_TAKE(carrier->page));
	}
	return carrier_leave(carrier);
}

struct carrier *carrier_leave(struct carrier *carrier)
{
	if (!carrier)
		return NULL;

	end(carrier);
	if (carrier->page && !stands(carrier))	/* one that runs may be paused by anybody, and that is QEMU's */
		kvm_page_disarm(carrier->page, carrier->id);
	kvm_page_free(carrier->page);
	call_free(carrier->call);
	if (carrier->wake >= 0)
		close(carrier->wake);
	pthread_mutex_destroy(&carrier->lock);
	free(carrier);
	return NULL;
}
