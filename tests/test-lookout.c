/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the other host says during the copy reaches the gate: that it lets the guest go ends it. */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/gate.h"
#include "daemon/act/gather.h"
#include "daemon/act/ramp.h"
#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "tests/fake-call.h"
#include "tests/tap.h"

#define ID "00000000-0000-4000-8000-000000000001"

/* In place of the other host */

static atomic_int phase = CF_PHASE_LEASED;	/* what it says; CF_PHASE_UNKNOWN: nothing */
static atomic_bool wished;			/* somebody there wants an abort */
static atomic_int asked;

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *err)
{
	(void)fleet;
	(void)err;
	*ret = strcmp(host, "hB") == 0 ? (struct call *)&asked : NULL;
	return 0;
}

int probe_rounds(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM],
		 cf_span timeout, struct cf_error *err)
{
	(void)call;
	(void)boot;
	(void)timeout;
	(void)err;
	offset->rounds += n;
	return 0;
}

int fake_answer(const struct fake_asked *question, struct cf_error *err)
{
	if (question->route == CF_ROUTE_CLOCK) {
		memset(question->reply, 0, sizeof(struct cf_report));
		return 0;
	}
	asked += strcmp(question->segments[0], ID) == 0;
	if (phase == CF_PHASE_UNKNOWN)
		return cf_fail(err, ECONNREFUSED, CF_PEER, "no answer");
	*(struct cf_landing *)question->reply = (struct cf_landing){
		.phase = phase, .has_reason = phase == CF_PHASE_DROPPED, .reason = "aborted by somebody",
		.has_abort_asked = wished, .abort_asked = "aborted by uid 0 (root)",
	};
	return 0;
}

/* In place of the rest of the agent */

void gather_report(const struct act_context *context, struct cf_report *ret)
{
	(void)context;
	memset(ret, 0, sizeof(*ret));
}

void ramp_hold(struct work *work, bool hold)
{
	work->held_back = hold;
}

static struct work *work;
static char why[CF_DETAIL_ROOM];

static bool refuses(void)
{
	*why = '\0';
	gate_judge(work, why);
	return strstr(why, "does not expect the guest any more") || strstr(why, "aborted by");
}

/* Is that so once it was asked again? */
static bool refuses_after(enum cf_phase said)
{
	const struct timespec moment = { .tv_nsec = 10 * CF_MS };
	int before;

	phase = said;
	before = asked;
	while (asked < before + 2)	/* the first may have been under way already */
		nanosleep(&moment, NULL);
	return refuses();
}

int main(void)
{
	const struct drive_ops driver = { .name = "none" };
	const struct act_context context = { 0 };
	struct cf_error err = { 0 };

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->settings = calloc(1, sizeof(*work->settings));
	if (!work->settings)
		return 1;
	work->context = &context;
	work->driver = &driver;
	cf_limits_both(&(struct cf_limits){ 0 }, "hA", &(struct cf_limits){ 0 }, "hB", &work->limits);
	snprintf(work->id, sizeof(work->id), ID);
	snprintf(work->reservation.destination, sizeof(work->reservation.destination), "hB");

	ok(gate_watch(work, &err) == 0, "the other host is looked at");
	ok(!refuses_after(CF_PHASE_LEASED), "while it expects the guest it is no reason to stop");
	ok(!refuses_after(CF_PHASE_PREPARED), "nor when the domain is there");
	ok(!refuses_after(CF_PHASE_UNKNOWN), "nor when there is no answer");
	wished = true;
	ok(refuses_after(CF_PHASE_PREPARED), "when somebody there wants it called off that is heard");
	ok(strcmp(why, "aborted by uid 0 (root), at hB") == 0, "... with who wants it, and where: %s", why);
	ok(refuses_after(CF_PHASE_DROPPED) && strcmp(why, "aborted by uid 0 (root), at hB") == 0, "... also when that host has done it itself");
	wished = false;
	ok(refuses_after(CF_PHASE_DROPPED), "when it has let it go that is told");
	ok(strcmp(why, "hB does not expect the guest any more: aborted by somebody") == 0, "... with its reason: %s", why);
	ok(refuses_after(CF_PHASE_UNKNOWN), "... and stays so without an answer");

	work->lookout = lookout_free(work->lookout);
	free(work->settings);
	free(work);
	return done();
}
