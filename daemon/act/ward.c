/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/ward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/act/acts.h"
#include "daemon/act/pulse.h"
#include "daemon/act/ramp.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/cutter.h"
#include "policy/commit.h"
#include "proto/text.h"

#define NOT_ENFORCED ((cf_span){ CF_DAY })	/* measured, and nothing else */
#define LOOK_OFTEN  ((cf_span){ 20 * CF_MS })	/* until all connections are there */
#define LOOK_SELDOM ((cf_span){ CF_S })
#define ENDS_WITHIN ((cf_span){ 500 * CF_MS })	/* QEMU, of which the last pass alone is left, with nowhere to send it */

struct ward {
	struct cutter *cutter;
	struct pulse *pulse;
	struct sockets_seen seen;
	bool could;		/* all of them had been there at some time */
	cf_mono next_look;
};

/* libvirtd lives: it would tell of a STOP.  On the pulse's thread. */
static void on_heard(void *userdata)
{
	struct ward *ward = userdata;

	cutter_heard(ward->cutter);
}

static struct cutter_terms terms_of(const struct work *work)
{
	const struct settings *settings = work->settings;
	bool enforced = cf_blackout_enforced(&work->limits);
	cf_span limit = work->limits.limits.max_blackout;
	struct cutter_terms terms = {
		.limit = enforced ? limit : NOT_ENFORCED,
		.slack = settings->stop_slack,
		.max_downtime = ramp_target(work),
		.parallel = work->receipt->options.parallel > 0,
		.heartbeat = enforced ? cf_heartbeat(settings->copy.heartbeat, limit) : NOT_ENFORCED,
	};

	snprintf(terms.name, sizeof(terms.name), "%s", work->record->guest.domain);
	snprintf(terms.uuid, sizeof(terms.uuid), "%s", work->record->guest.uuid);
	return terms;
}

/* One for the memory, or as many as were asked for and one that leads them. */
static size_t expected(const struct work *work)
{
	int64_t parallel = work->receipt->options.parallel;

	return parallel > 0 ? 1 + (size_t)parallel : 1;
}

static int begin(struct work *work, struct ward *ward, const char *uri, struct cf_error *err)
{
	struct cutter_terms terms = terms_of(work);
	int r;

	if (!work->context->dog)
		return cf_fail(err, ENOSYS, CF_HOST, "this agent has no watchdog");
	r = cutter_new(work->context->dog, work->watch, &terms, &ward->cutter, err);
	if (r == 0)
		r = cutter_want(ward->cutter, SOCKET_MEMORY, uri, expected(work), err);
	if (r == 0 && *work->storage_uri)
		r = cutter_want(ward->cutter, SOCKET_STORAGE, work->storage_uri, 1, err);
	if (r == 0 && cf_blackout_enforced(&work->limits))
		r = pulse_new(&ward->pulse, work->context, terms.uuid, terms.heartbeat, on_heard, ward, err);
	return r;
}

void ward_begin(struct work *work, const char *uri)
{
	struct ward *ward = calloc(1, sizeof(*ward));
	struct cf_error err = { 0 };

	if (ward && begin(work, ward, uri, &err) == 0) {
		work->ward = ward;
		return;
	}
	work_unmeasured(work, CF_FIGURE_OTHER, "the copy could not have been cut at the limit: %s",
			ward ? err.text : "out of memory");
	ward_free(ward);
}

void ward_look(struct work *work)
{
	struct ward *ward = work->ward;

	if (!ward || cf_mono_cmp(kernel_raw(), ward->next_look) < 0)
		return;
	cutter_look(ward->cutter, &ward->seen);
	ward->could |= ward->seen.can_cut;
	ward->next_look = cf_mono_add(kernel_raw(), ward->seen.can_cut ? LOOK_SELDOM : LOOK_OFTEN);
}

void ward_copied(struct work *work, const struct cf_progress *progress)
{
	if (work->ward)
		cutter_copied(work->ward->cutter, progress);
}

void ward_aims(struct work *work, cf_span max_downtime)
{
	if (work->ward)
		cutter_aims(work->ward->cutter, max_downtime);
}

bool ward_cut(struct work *work)
{
	return work->ward && cutter_cut(work->ward->cutter);
}

bool ward_ends(struct work *work, cf_mono answers)
{
	struct guard_end end;
	cf_span since;

	if (!work->ward)
		return false;
	cutter_read(work->ward->cutter, &end);
	since = cf_span_min(cf_mono_since(kernel_raw(), end.at), cf_mono_since(kernel_raw(), answers));
	return end.cut && end.n > 0 && cf_span_cmp(since, ENDS_WITHIN) < 0;
}

void ward_loaded(struct work *work)
{
	struct ward *ward = work->ward;

	if (!ward)
		return;
	cutter_loaded(ward->cutter);
	if (!ward->could)
		work_unmeasured(work, CF_FIGURE_OTHER, "the copy could not have been cut at the limit: %s",
				*ward->seen.why ? ward->seen.why : "its connection was not found in time");
	if (ward->pulse)
		pulse_end(ward->pulse);
	work->pulse = CF_TAKE(ward->pulse);
	work->ward = ward_free(ward);
}

bool ward_has_cut(struct work *work, char why[static CF_DETAIL_ROOM])
{
	static const char *const words[GUARD_N_REASONS] = {
		[GUARD_HEARTBEAT] = "libvirtd was not heard of in time, so that a stop of the guest would have gone unseen",
		[GUARD_BLACKOUT]  = "the guest had stood still for nearly as long as it may, and had not arrived",
		[GUARD_ENDED]     = "the guest's QEMU has ended",
		[GUARD_ASKED]     = "it was to end",
	};
	char late[CF_SPAN_TEXT_ROOM];
	struct guard_end end;

	if (!work->ward)
		return false;
	cutter_read(work->ward->cutter, &end);
	if (!end.cut || end.reason == GUARD_ASKED)
		return false;
	work->receipt->has_cut_late = end.reason != GUARD_ENDED;
	work->receipt->cut_late = end.late;
	act_say(why, "its connection was cut, %s late: %s", cf_span_text(end.late, late), words[end.reason]);
	return true;
}

bool ward_is_held(struct work *work)
{
	struct guard_end end;

	return work->ward && cutter_read(work->ward->cutter, &end) == CF_WATCH_HELD && end.cut;
}

bool ward_saw_end(struct work *work)
{
	struct guard_end end;

	if (!work->ward)
		return false;
	cutter_read(work->ward->cutter, &end);
	return end.cut && end.reason == GUARD_ENDED;
}

struct ward *ward_free(struct ward *ward)
{
	if (!ward)
		return NULL;

	pulse_free(ward->pulse);
	cutter_free(ward->cutter);
	free(ward);
	return NULL;
}
