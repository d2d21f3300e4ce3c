/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source follows a guest that has landed: by the word of a destination that is played, in a time of its own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/let-go.h"
#include "daemon/act/reason.h"
#include "daemon/act/stuck.h"
#include "daemon/act/where.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static struct {
	cf_mono silent;		/* until then nothing is heard of the destination */
	cf_mono through;	/* when it is through with the guest's clock */
	bool knows;		/* of this migration */
} sim;

static struct work *work;

enum cf_there where_there(struct work *of, struct cf_error *err)
{
	if (cf_mono_cmp(fake.now, sim.silent) < 0) {
		cf_fail(err, EHOSTUNREACH, CF_UNREACHABLE, "no route to it");
		return CF_THERE_UNKNOWN;
	}
	of->receipt->landing.phase = cf_mono_cmp(fake.now, sim.through) < 0 ? CF_PHASE_CORRECTING : CF_PHASE_VERIFYING;
	return sim.knows ? CF_THERE_RAN : CF_THERE_STRANGE;
}

/* Nothing of the following is news here */

bool where_runs_there(struct work *of) { (void)of; return true; }
enum cf_here where_here(const struct work *of, const char *uuid) { (void)of, (void)uuid; return CF_HERE_ABSENT; }
void at_stop_note(struct work *of) { (void)of; }
void at_stop_narrow(struct work *of) { (void)of; }
void at_stop_send(struct work *of, cf_span patience) { (void)of, (void)patience; }
void at_stop_refine(struct work *of) { (void)of; }
void let_go_of_source(struct work *of) { (void)of; }

void stuck_look(struct stuck *stuck, struct work *of, enum drive_state state, enum cf_there there)
{
	(void)stuck, (void)of, (void)state, (void)there;
}

void reason_driver(struct work *of, const struct drive_end *end, const char *otherwise, char why[static CF_DETAIL_ROOM])
{
	(void)of, (void)end, (void)otherwise, (void)why;
}

/* --- */

/* Silent for so long, and through after so long; the agent stops then, or never. */
static enum cf_event follow(cf_span silent, cf_span through, cf_span stop, char why[static CF_DETAIL_ROOM])
{
	fake_begin(stop);
	sim.silent = cf_mono_add(fake.now, silent);
	sim.through = cf_mono_add(fake.now, through);
	*why = '\0';
	return act_follow_correction(work, why);
}

int main(void)
{
	const cf_span now = { 0 }, second = { CF_S }, minute = { 60 * CF_S }, hour = { 3600 * CF_S }, never = { 0 };
	char why[CF_DETAIL_ROOM];

	work = calloc(1, sizeof(*work));
	if (!work || !(work->receipt = calloc(1, sizeof(*work->receipt))))
		return 1;

	sim.knows = true;
	ok(follow(second, minute, never, why) == CF_EV_CORRECTED && fake_took().ns <= 61 * CF_S,
	   "it is followed until the destination is through, also one that was silent for a moment");
	ok(follow(hour, hour, never, why) == CF_EV_FAILED && fake_took().ns > 60 * CF_S && fake_took().ns < 61 * CF_S &&
	   strstr(why, "fell silent: no route to it"), "one that is silent for a minute is followed no more: %s", why);
	ok(follow(now, hour, second, why) == CF_EV_FAILED && fake_took().ns < 2 * CF_S && strstr(why, "the agent was stopped"),
	   "nor is any by an agent that is to stop: %s", why);
	ok(follow(second, hour, minute, why) == CF_EV_FAILED && !strstr(why, "no route"),
	   "... which does not blame a destination that answers: %s", why);
	sim.knows = false;
	ok(follow(now, hour, never, why) == CF_EV_FAILED && strstr(why, "knows nothing of it"), "nor one that has lost it: %s", why);

	free(work->receipt);
	free(work);
	return done();
}
