/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/carried.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/carrier.h"
#include "daemon/act/gather.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/kvm-guest.h"
#include "policy/carry.h"
#include "policy/lever.h"

#define ARMED_FOR     ((cf_span){ 60 * CF_S })	/* an arming outlives its agent by so much at most */
#define LIMIT_AT_LEAST ((cf_span){ 60 * CF_S })
#define OUTCOME_WAIT  500			/* ms: it is told before the guest runs */

static bool is_required(const struct work *work)
{
	return cf_lever_enforced(&work->limits, CF_LEVER_KVM);
}

static int64_t host_hz(struct work *work)
{
	struct cf_report report;

	gather_report(work->context, &report);
	return report.has_counter_hz ? report.counter_hz : 0;
}

/* --- source --- */

/* Both hosts have it: the gate has seen that, and lets it fall to another lever only where policy does. */
static bool is_to_be_carried(const struct work *work)
{
	const struct cf_guest_clock *guest = &work->record->guest;
	const struct cf_lease *lease = &work->lease;

	return guest->lever == CF_LEVER_KVM && lease->has_kvm && lease->kvm.version == guest->kvm_version;
}

/*
 * By somebody, before anybody here looked out for it.  In a copy libvirt calls that the migration's own: one that is
 * taken up may as well stand for its switchover, and then what was armed for it before is still what QEMU is to find.
 */
static bool is_paused(const struct work *work)
{
	struct domain_standing standing;

	return domain_glance(work->context->virt, work->record->guest.uuid, &standing, NULL) == 0 && standing.known &&
	       standing.state == CF_DOMAIN_PAUSED && (work->again || !standing.migrating);
}

void carried_begin(struct work *work)
{
	struct carrier_options options = {
		.destination = work->reservation.destination,
		.migration = work->id,
		.guest = &work->record->guest,
		.watch = work->watch,
		.lookout = work->lookout,
		.host_hz = host_hz(work),
	};
	struct cf_error err = { 0 };

	if (!is_to_be_carried(work))
		return;
	options.paused = is_paused(work);
	if (carrier_new(&work->carrier, work->context, &options, &err) < 0)
		work_unmeasured(work, CF_FIGURE_OTHER, "the guest's counters cannot be carried: %s", err.text);
}

void carried_again(struct work *work)
{
	struct carrier_options options = {
		.migration = work->id,
		.guest = &work->record->guest,
		.again = true,
	};

	if (is_to_be_carried(work) && !work->record->paused && !work->booted)
		carrier_new(&work->carrier, work->context, &options, NULL);
}

bool carried_there(struct work *work)
{
	struct carrier_news news = { 0 };

	if (!is_required(work))
		return true;
	if (work->carrier)
		carrier_read(work->carrier, &news);
	return news.there;
}

void carried_missed(struct work *work)
{
	struct carrier_news news = { 0 };

	if (work->carrier)
		carrier_read(work->carrier, &news);
	if (!news.there && *news.why)
		work_unmeasured(work, CF_FIGURE_OTHER, "the guest's counters did not reach the destination: %s", news.why);
}

void carried_commit(struct work *work, struct cf_commit *commit)
{
	struct cf_kvm_capture capture;

	commit->has_point = work->carrier && carrier_capture(work->carrier, &capture);
	if (commit->has_point)
		commit->point = cf_carry_point(&capture, carrier_arch(work->carrier), cf_offset_raw(&work->peer.offset, capture.raw));
}

/* Until the guest's own clock is read, what its counters lack is what is known of its lag. */
static void put(struct cf_landing *landing, const struct cf_counter_report *report)
{
	landing->has_counters = true;
	landing->counters = *report;
	if (report->result != CF_COUNTERS_CARRIED && report->result != CF_COUNTERS_KEPT)
		return;
	landing->lever = CF_LEVER_KVM;
	landing->has_lag = report->has_residual;
	landing->lag = cf_interval_neg(report->residual);
}

void carried_kept(struct work *work)
{
	struct cf_counter_report report;

	if (work->carrier && carrier_kept(work->carrier, &report))
		put(&work->receipt->kept, &report);
}

/* --- destination --- */

struct carried {
	struct kvm_page *page;
	pid_t pid;
	int64_t host_hz;
	unsigned char id[16];
	bool armed;
	char why[CF_DETAIL_ROOM];		/* why it could not be, the last time; "" */
	struct cf_counter_point point;		/* that it was armed with */
	struct cf_kvm_asked asked, draft;
	bool loaded;				/* QEMU had, when the vCPUs were read */
	struct cf_vcpu_counter vcpus[CF_VCPUS_MAX];
	size_t n_vcpus;
};

static void disarm(struct carried *carried)
{
	kvm_page_disarm(carried->page, carried->id);
	carried->armed = false;
}

struct carried *carried_free(struct carried *carried)
{
	if (!carried)
		return NULL;
	/* An arming that was not acted on could be taken for that of the guest's next migration. */
	disarm(carried);
	kvm_page_free(carried->page);
	free(carried);
	return NULL;
}

static int open_page(struct work *work, struct cf_error *err)
{
	struct carried *carried;
	int r;

	if (work->carried)
		return 0;
	carried = calloc(1, sizeof(*carried));
	if (!carried)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = kvm_guest_open(&counter_roots, work->reservation.domain, work->reservation.uuid, &carried->page, &carried->pid, err);
	if (r < 0) {
		free(carried);
		return r;
	}
	kvm_guest_id(work->id, carried->id);
	carried->host_hz = host_hz(work);
	work->carried = carried;
	return 0;
}

int carried_prepare(struct work *work, struct cf_error *err)
{
	struct cf_error why = { 0 };
	int r = open_page(work, &why);

	if (r < 0 && is_required(work))
		return cf_fail(err, -r, CF_HOST, "the lever kvm is required: %.200s", why.text);
	return 0;
}

/* QEMU gives each vCPU the guest's own frequency at the end of what it loads: its scaling is right from then on. */
static bool has_loaded(struct work *work)
{
	struct guest_events events = { 0 };

	if (work->watch)
		guest_watch_read(work->watch, &events);
	return events.status == MIGRATION_COMPLETED;
}

static void read_vcpus(struct work *work)
{
	struct carried *carried = work->carried;
	struct cf_error err = { 0 };

	carried->loaded = has_loaded(work);
	if (counters_read(&counter_roots, carried->pid, carried->vcpus, &carried->n_vcpus, &err) >= 0)
		return;
	carried->loaded = false;
	carried->n_vcpus = 0;
}

/* Was it armed with a scaling that has changed since? */
static bool is_outdated(struct work *work)
{
	const struct carried *carried = work->carried;

	return carried && carried->armed && !carried->loaded && has_loaded(work);
}

static bool arm(struct work *work, const struct cf_counter_point *point)
{
	struct carried *carried = work->carried;
	cf_span limit = work->limits.limits.max_blackout;
	struct cf_carry carry = {
		.counters = work->counters,
		.point = point,
		.arch = kvm_page_arch(carried->page),
		.vcpus = carried->vcpus,
		.host_hz = carried->host_hz,
		.limit = cf_span_max(cf_span_add(limit, limit), LIMIT_AT_LEAST),
		.expires = ARMED_FOR,
	};
	struct cf_error err = { 0 };

	if (strcmp(work->counters->destination_boot, work->boot) != 0) {
		snprintf(carried->why, sizeof(carried->why), "this host booted anew since its offset was measured");
		return false;
	}
	carry.n_vcpus = carried->n_vcpus;
	carry.now = kernel_instant();
	if (!cf_carry_ask(&carry, &carried->draft, carried->why))
		return false;	/* what it may be armed with already holds */
	carried->asked = carried->draft;
	carried->asked.direction = CF_KVM_DESTINATION;
	memcpy(carried->asked.migration, carried->id, sizeof(carried->id));
	carried->point = point ? *point : work->counters->point;
	carried->armed = kvm_page_arm(carried->page, &carried->asked, &err) == 0;
	snprintf(carried->why, sizeof(carried->why), "%s", carried->armed ? "" : err.text);
	return carried->armed;
}

static bool is_of(const struct carried *carried, const struct cf_kvm_outcome *outcome)
{
	return outcome->direction == CF_KVM_DESTINATION && memcmp(outcome->migration, carried->id, sizeof(carried->id)) == 0;
}

static void report(struct carried *carried, const struct cf_kvm_said *said, struct cf_counter_report *ret)
{
	const struct cf_carried all = {
		.said = said,
		.arch = kvm_page_arch(carried->page),
		.asked = carried->armed ? &carried->asked : NULL,
		.point = carried->armed ? &carried->point : NULL,
		.vcpus = carried->vcpus,
		.n_vcpus = carried->n_vcpus,
	};

	cf_carry_report(&all, ret);
}

/* Between two of the library's words: it may be in the middle of one. */
static int read_said(const struct carried *carried, struct cf_kvm_said *ret, struct cf_error *err)
{
	enum { ATTEMPTS = 5 };
	int r = kvm_page_read(carried->page, ret, err);

	for (int i = 1; i < ATTEMPTS && r == -EAGAIN; i++) {
		poll(NULL, 0, 1);
		r = kvm_page_read(carried->page, ret, err);
	}
	return r;
}

/* arm64, armed: has QEMU loaded the guest, past the library, and sets its counters no more?  Then it is disarmed. */
static bool is_late(struct work *work)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = NULL;
	struct carried *carried = work->carried;
	struct cf_counter_report made = { 0 };
	struct cf_error err = { 0 };

	if (kvm_page_arch(carried->page) != CF_KVM_ARCH_ARM64)
		return false;
	said = malloc(sizeof(*said));
	if (!said || read_said(carried, said, &err) < 0) {
		snprintf(carried->why, sizeof(carried->why), "%s", said ? err.text : "out of memory");
		return true;
	}
	if (!cf_carry_is_late(said, &carried->asked, has_loaded(work)))
		return false;
	if (is_of(carried, &said->outcome))
		report(carried, said, &made);
	disarm(carried);
	snprintf(carried->why, sizeof(carried->why), "%s", *made.why ? made.why :
		 "QEMU had loaded its counters before the library was armed, and sets them no more (kvm-no-adjvtime)");
	return true;
}

void carried_let_be(struct work *work)
{
	if (!work->carried)
		return;
	disarm(work->carried);
	*work->carried->why = '\0';
}

/* QEMU sets the clock of a guest that is to stay paused when somebody lets it run: that is no matter of the migration. */
static bool stays_paused(struct work *work)
{
	if (!work->has_record || !work->record->paused)
		return false;
	carried_let_be(work);
	return true;
}

/* What comes of a guest that is paused is of no use once it runs on: its clocks are another map then. */
void carried_look(struct work *work)
{
	struct cf_error err = { 0 };
	bool news;

	work_newest_record(work);
	news = work_newest_counters(work);
	if (stays_paused(work) || (!news && !is_outdated(work)))
		return;
	if (open_page(work, &err) == 0)
		read_vcpus(work);
	/* QEMU may look at it any moment now. */
	if (!news && cf_carry_is_scaled(&work->carried->asked, work->carried->vcpus, work->carried->n_vcpus))
		return;
	if (!work->carried || !arm(work, NULL))
		log_debug("migration %s: the KVM library is not armed: %s", work->id, work->carried ? work->carried->why : err.text);
}

void carried_arm_again(struct work *work, const struct cf_commit *commit)
{
	if (!work->carried || !work->carried->armed)
		return;
	if (is_outdated(work))
		read_vcpus(work);
	arm(work, commit->has_point ? &commit->point : NULL);
}

bool carried_arm(struct work *work, const struct cf_commit *commit, char why[static CF_DETAIL_ROOM])
{
	const char *text;

	carried_look(work);
	if (commit->paused)	/* the record that says so may not have come */
		carried_let_be(work);
	if (commit->paused || stays_paused(work))
		return true;
	if (work->carried && !work->carried->loaded)
		read_vcpus(work);
	if (!work->carried)
		text = "the library is not in the QEMU here";
	else if (!work->counters)
		text = "nothing came of its counters";
	else if (arm(work, commit->has_point ? &commit->point : NULL) && !is_late(work))
		return true;
	else
		text = work->carried->why;
	if (!is_required(work))
		return true;
	snprintf(why, CF_DETAIL_ROOM, "the lever kvm is required: %.200s", text);
	return false;
}

/* The library tells before the guest runs; libvirt may be quicker to say that it does by a moment. */
static bool read_outcome(const struct carried *carried, struct cf_kvm_said *said)
{
	struct pollfd bell = { kvm_page_outcome_fd(carried->page), POLLIN, 0 };
	cf_mono until = cf_mono_add(kernel_raw(), (cf_span){ OUTCOME_WAIT * CF_MS });

	for (;;) {
		if (kvm_page_read(carried->page, said, NULL) == 0 && is_of(carried, &said->outcome))
			return true;
		if (!carried->armed || cf_mono_cmp(kernel_raw(), until) >= 0)
			return false;
		poll(&bell, 1, 5);
		kvm_page_heard(bell.fd);
	}
}

/* The guest's clocks were carried, or left to the next lever. */
static void note(struct work *work, const struct cf_counter_report *report)
{
	put(work_landing_begin(work), report);
	work_landing_end(work);
}

/* QEMU has set its clocks, and the library tells nothing of it; "" where nobody would have had it do anything. */
static const char *why_silent(const struct work *work)
{
	const struct carried *carried = work->carried;
	cf_mono set = work->landing.has_resume ? work->landing.resume.raw : kernel_raw();

	if (!carried->armed)
		return carried->why;
	if (cf_mono_cmp(set, carried->asked.expires) >= 0)
		return "the arming had expired";
	return "QEMU set its clock to another value than the one that travelled, or did so before the library was armed";
}

bool carried_report(struct work *work)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = calloc(1, sizeof(*said));
	struct cf_counter_report made = { 0 };
	struct cf_error err = { 0 };
	struct carried *carried;

	if (work->landing.has_counters || !said)
		return work->landing.lever == CF_LEVER_KVM;
	/* An agent that was restarted has armed before it was. */
	if (!work->carried && (!work->again || open_page(work, &err) < 0))
		return false;
	carried = work->carried;
	if (read_outcome(carried, said)) {
		read_vcpus(work);
		report(carried, said, &made);
	} else {
		snprintf(made.why, sizeof(made.why), "%s", why_silent(work));
		made.result = *made.why ? CF_COUNTERS_LEFT : CF_COUNTERS_UNKNOWN;
	}
	disarm(carried);	/* what was not acted on would be at the end of the guest's next pause */
	if (made.result == CF_COUNTERS_UNKNOWN)
		return false;
	note(work, &made);
	return made.result == CF_COUNTERS_CARRIED;
}
