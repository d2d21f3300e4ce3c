/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In place of what is around the source's carrier: the kernel, libvirt and its events, and the other host. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "daemon/act/carried.h"
#include "daemon/act/gather.h"
#include "daemon/act/lookout.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/kvm-guest.h"
#include "proto/codec.h"
#include "tests/fake-call.h"
#include "tests/fake-library.h"

#define ID   "00000000-0000-4000-8000-00000000000a"
#define BOOT "9c334061-f95f-4ba0-9edf-0948a22a5eb8"
#define SOON ((cf_span){ 20 * CF_S })

const struct counter_roots counter_roots = { 0 };
static atomic_bool has_library = true, takes = true, shows = true;	/* debugfs: the vCPUs */
static atomic_int pushes, stopped_pushes, refused_pushes;
static struct cf_counters *came;		/* under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct guest_events events;		/* under the lock */
static enum cf_domain_state state = CF_DOMAIN_RUNNING;
static bool migrating;			/* which is why it is paused, by libvirt */
static int64_t ratio = INT64_C(1) << 48;	/* of the QEMU that waits */
static atomic_bool nested;		/* a guest of the guest runs, whose counter is what debugfs shows */

int counters_read(const struct counter_roots *roots, pid_t pid, struct cf_vcpu_counter vcpus[static CF_VCPUS_MAX],
		  size_t *n, struct cf_error *e)
{
	(void)roots;
	(void)pid;
	if (!shows)
		return cf_fail(e, EACCES, CF_HOST, "debugfs: Permission denied");
	for (*n = 0; *n < 2; (*n)++)
		vcpus[*n] = (struct cf_vcpu_counter){ .vcpu = (int64_t)*n, .has_offset = true,
						      .offset = nested ? 555 : at->said.outcome.serial ? -888 : -777, .has_scaling = true,
						      .scaling = { nested ? 2 * ratio : ratio, 48 }, .has_guest_mode = true, .guest_mode = nested };
	return 0;
}

int kvm_guest_open(const struct counter_roots *roots, const char *domain, const char *uuid, struct kvm_page **page,
		   pid_t *pid, struct cf_error *e)
{
	(void)roots;
	(void)domain;
	(void)uuid;
	*pid = getpid();
	return has_library ? kvm_page_open("/proc", getpid(), page, e) : cf_fail(e, ENOENT, CF_NOT_FOUND, "it is not there");
}

void kvm_guest_id(const char *uuid, unsigned char ret[static 16])
{
	memcpy(ret, uuid + strlen(uuid) - 16, 16);
}

int domain_glance(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *e)
{
	(void)virt;
	(void)uuid;
	(void)e;
	*ret = (struct domain_standing){ .known = true, .active = true, .state = state, .migrating = migrating };
	return 0;
}

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *e)
{
	(void)fleet;
	(void)host;
	(void)e;
	*ret = (struct call *)&pushes;
	return 0;
}

/* What is sent is what a strict decoder makes of it. */
static inline int take_counters(const struct fake_asked *asked, struct cf_error *e)
{
	CF_AUTO(cf_free) char *text = NULL;
	int r;

	if (!takes || asked->route != CF_ROUTE_COUNTERS) {
		refused_pushes++;
		return cf_fail(e, ECONNREFUSED, CF_PEER, "no answer");
	}
	text = cf_encode(&cf_counters_shape, asked->request, CF_MINOR);
	pthread_mutex_lock(&lock);
	r = text ? cf_decode(&cf_counters_shape, CF_STRICT, text, strlen(text), came, e) : -ENOMEM;
	pushes++;
	stopped_pushes += came->stopped;
	pthread_mutex_unlock(&lock);
	return r;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	pthread_mutex_lock(&lock);
	*ret = events;
	pthread_mutex_unlock(&lock);
}

static inline void happens(bool stopped, bool paused, bool switchover)
{
	pthread_mutex_lock(&lock);
	events.stopped = stopped;
	events.paused = paused;
	events.switchover = switchover;
	events.has_resume = false;
	events.revision++;
	pthread_mutex_unlock(&lock);
}

/* Somebody lets it run on. */
static inline void goes_on(void)
{
	happens(false, false, false);
	pthread_mutex_lock(&lock);
	events.has_resume = true;
	pthread_mutex_unlock(&lock);
}

/* QEMU has everything, and gives the vCPUs the guest's own frequency. */
static inline void loads(int64_t scaled)
{
	ratio = scaled;
	pthread_mutex_lock(&lock);
	events.status = MIGRATION_COMPLETED;
	pthread_mutex_unlock(&lock);
}

/* Both hosts are this one. */
static inline struct cf_offset offset_now(void)
{
	return (struct cf_offset){ .rounds = 16, .raw = cf_interval_around((cf_span){ 0 }, (cf_span){ 20 * CF_US }), .at = kernel_raw() };
}

void lookout_read(struct lookout *lookout, struct lookout_news *ret)
{
	(void)lookout;
	*ret = (struct lookout_news){ .offset = offset_now(), .boot = BOOT };
}

void gather_report(const struct act_context *of, struct cf_report *ret)
{
	(void)of;
	*ret = (struct cf_report){ .has_counter_hz = true, .counter_hz = 2000000000 };
}

/* --- what a test asks --- */

static inline bool comes(bool (*is)(void))
{
	cf_mono until = cf_mono_add(kernel_raw(), SOON);

	while (!is() && cf_mono_cmp(kernel_raw(), until) < 0)
		nanosleep(&(struct timespec){ .tv_nsec = CF_MS }, NULL);
	return is();
}

static inline enum cf_kvm_direction armed_for(void)
{
	return at->asked.serial ? at->asked.direction : CF_KVM_UNARMED;
}

static inline bool is_armed_here(void)
{
	return armed_for() == CF_KVM_SOURCE;
}

static inline bool is_unarmed(void)
{
	return armed_for() == CF_KVM_UNARMED;
}

static inline bool has_pushed(void)
{
	return pushes > 0;
}

static inline bool has_pushed_stop(void)
{
	return stopped_pushes > 0;
}

/* Of the first of two it is known by now. */
static inline bool has_been_refused(void)
{
	return refused_pushes > 1;
}

/* One migration's, and the library that it is about; until work_unmade(). */
static pthread_t answerer;

static inline struct work *work_made(const struct act_context *context)
{
	struct work *work = calloc(1, sizeof(*work));

	work->context = context;
	work->watch = (struct guest_watch *)&events;
	work->record = calloc(1, sizeof(*work->record));
	work->receipt = calloc(1, sizeof(*work->receipt));
	came = calloc(1, sizeof(*came));
	strcpy(work->id, ID);
	strcpy(work->boot, BOOT);
	make_page();
	pthread_create(&answerer, NULL, library, NULL);
	return work;
}

static inline void work_unmade(struct work *work)
{
	carrier_free(work->carrier);
	carried_free(work->carried);
	ends = true;
	pthread_join(answerer, NULL);
	free(work->counters);
	free(work->brought);
	free(work->inbox);
	free(work->record);
	free(work->receipt);
	free(work);
	free(came);
}

/* A guest whose lever is kvm, and whose destination has it, too. */
static inline void furnish(struct work *work)
{
	pushes = stopped_pushes = refused_pushes = 0;
	happens(false, false, false);
	events.status = MIGRATION_NONE;
	ratio = INT64_C(1) << 48;
	at->said.outcome = (struct cf_kvm_outcome){ 0 };
	memset(work->record, 0, sizeof(*work->record));
	memset(work->receipt, 0, sizeof(*work->receipt));
	work->record->guest = (struct cf_guest_clock){ .domain = "web1", .type = "kvm", .kvmclock = true, .lever = CF_LEVER_KVM,
						       .has_kvm_version = true, .kvm_version = 1 };
	work->lease = (struct cf_lease){ .host = "hB", .granted = true, .has_kvm = true, .kvm = { .handed_on = true, .version = 1 } };
	work->peer.offset = offset_now();
}
