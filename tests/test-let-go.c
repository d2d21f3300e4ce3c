/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is left at the source of a guest that runs elsewhere goes, and goes once: against a libvirtd that is played. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/act/hang.h"
#include "daemon/act/let-go.h"
#include "daemon/virt/leftover.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static struct {
	enum cf_decision decided;	/* as the page has it */
	int failures;			/* so often libvirt does not remove it */
	int removed, tried;
} sim;

static struct work *work;

enum cf_decision gated_decision(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.decided;
}

void gated_settle(struct work *of, enum cf_decision how)
{
	(void)of;
	sim.decided = how;
}

int leftover_remove(struct virt *virt, const char *uuid, bool persistent, cf_mono deadline, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)persistent, (void)deadline;
	sim.tried++;
	if (sim.failures-- > 0)
		return cf_fail(err, EBUSY, CF_CONFLICT, "it runs");
	sim.removed++;
	return 0;
}

bool hang_wait(struct work *of)
{
	(void)of;
	return false;
}

static void let_go(enum cf_decision decided, int failures)
{
	memset(&sim, 0, sizeof(sim));
	fake_begin((cf_span){ 0 });
	sim.decided = decided;
	sim.failures = failures;
	*unmeasured = '\0';
	let_go_of_source(work);
}

int main(void)
{
	static const struct act_context context = { 0 };

	work = calloc(1, sizeof(*work));
	if (!work || !(work->receipt = calloc(1, sizeof(*work->receipt))))
		return 1;
	work->context = &context;

	let_go(CF_DECISION_COMMIT, 0);
	ok(sim.removed == 1 && sim.decided == CF_DECISION_LEFT, "what is left goes, and the page says so");
	let_go(CF_DECISION_COMMIT, 2);
	ok(sim.removed == 1 && sim.tried == 3 && !*unmeasured, "... at the third time, where libvirt would not have it before");
	let_go(CF_DECISION_LOST, 0);
	ok(sim.removed == 1, "... and where the page is lost");
	let_go(CF_DECISION_COMMIT, 1000);
	ok(sim.tried == 5 && sim.decided == CF_DECISION_COMMIT && strstr(unmeasured, "a paused copy"),
	   "one that does not go is not tried for ever, and told: %s", unmeasured);
	let_go(CF_DECISION_LEFT, 1000);
	ok(sim.tried == 0 && !*unmeasured, "what went before is not removed a second time: who is here since has come back");

	free(work->receipt);
	free(work);
	return done();
}
