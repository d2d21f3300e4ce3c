/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a host that lost its ledger finds, and does not take up: it is said once, and shown for as long as it is there. */

#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/act/stray.h"
#include "tests/parts.h"
#include "tests/tap.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* libvirt's test driver has it */

static struct parts parts;
static struct cf_error err;

/* How that stands, and how often it was looked at. */
static int state = VIR_DOMAIN_RUNNING, reason, looks;

int virDomainGetState(virDomainPtr domain, int *ret, int *ret_reason, unsigned int flags)
{
	(void)domain, (void)flags;
	*ret = state;
	looks++;
	if (ret_reason)
		*ret_reason = reason;
	return 0;
}

static struct cf_migrations *shown(const struct cf_migrations_query *query)
{
	static struct cf_migrations ret;

	migrations_strays(parts.all, query, &ret);
	return &ret;
}

static size_t n_shown(const struct cf_migrations_query *query)
{
	return shown(query)->n_strays;
}

/* One round of asking. */
static void relearn(bool lost)
{
	struct migrations *all = parts.all;

	relearn_end(all);
	migrations_relearn(all, lost);
	while (all->relearn && !relearn_waits(all))
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
}

static void test_domains(void)
{
	const struct cf_migrations_query all = { 0 };

	relearn(true);
	ok(n_shown(&all) == 0 && !parts.all->relearn, "a domain that runs is no stray, and nobody is asked again");
	state = VIR_DOMAIN_PAUSED;
	reason = VIR_DOMAIN_PAUSED_USER;
	relearn(true);
	ok(n_shown(&all) == 0, "nor is one that somebody has paused");
	reason = VIR_DOMAIN_PAUSED_STARTING_UP;
	relearn(true);
	ok(n_shown(&all) == 0, "nor one that is just started");
	reason = VIR_DOMAIN_PAUSED_MIGRATION;
	relearn(false);
	ok(n_shown(&all) == 0, "where no ledger was lost nobody looks");
	relearn(true);
	ok(n_shown(&all) == 1 && strcmp(shown(&all)->strays[0].uuid, UUID) == 0 && !shown(&all)->strays[0].has_id &&
	   strstr(shown(&all)->strays[0].why, "stands still"), "one that a migration has left standing is");
	ok(parts.all->relearn, "... and it is looked after");
	state = VIR_DOMAIN_RUNNING;
	relearn(true);
	ok(n_shown(&all) == 0 && !parts.all->relearn, "once it runs it is none any more");
}

/* Is the mark still there of a ledger that was begun? */
static bool is_unsettled(void)
{
	char mark[LEDGER_PATH_ROOM + 16];

	snprintf(mark, sizeof(mark), "%s.begun", parts.made.options.path);
	return access(mark, F_OK) == 0;
}

/* For the next agent, by what is known of this one's. */
static void test_settled(void)
{
	struct migrations *all = parts.all;

	state = VIR_DOMAIN_PAUSED;
	reason = VIR_DOMAIN_PAUSED_MIGRATION;
	relearn(true);
	ok(is_unsettled(), "while there is a stray, a ledger that was begun is not what it was");
	relearn_end(all);
	ok(is_unsettled(), "nor when the agent ends");
	state = VIR_DOMAIN_RUNNING;
	migrations_restore(all);
	relearn(true);
	while (all->restoring)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	for (int i = 0; i < 5000 && is_unsettled(); i++)
		usleep(1000);
	ok(!is_unsettled(), "but when all was asked, and receipts were looked for");
}

/* A search for receipts that missed some of where they may be. */
static void test_unrestored(void)
{
	struct migrations *all = parts.all;

	all->unrestored = true;
	relearn(true);
	ok(all->restoring, "once all peers were asked for what was under way, receipts are looked for again where some could not be");
	while (all->restoring)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(!all->unrestored, "... and found");
}

static void test_lost_again(void)
{
	struct migrations *all = parts.all;
	int once;

	state = VIR_DOMAIN_PAUSED;
	reason = VIR_DOMAIN_PAUSED_MIGRATION;
	looks = 0;
	relearn(true);
	once = looks;
	ok(relearn_waits(all), "while one is there, all are asked again from time to time");
	migrations_relearn(all, false);
	ok(relearn_waits(all), "a ledger that was begun, and none lost, changes nothing in that");
	migrations_relearn(all, true);
	ok(!relearn_waits(all), "but when one is lost once more, they are asked at once");
	migrations_relearn(all, true);
	while (!relearn_waits(all))
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(once > 0 && looks == 3 * once, "... and when that happens meanwhile, again: %d, %d", once, looks);
	state = VIR_DOMAIN_RUNNING;
	relearn(true);
}

static void test_list(void)
{
	static const struct cf_stray one = { "g", UUID, true, "f4d8aebb-4699-4443-a4ce-34a2d71fd1f4", "hB has it" };
	static const struct cf_stray same = { .domain = "g", .uuid = "6695EB01-F6A4-8304-79AA-97F2502E193F", .why = "it stands" };
	const struct cf_migrations_query ended = { .has_state = true, .state = "ended" }, open = { .has_state = true, .state = "open" };
	const struct cf_migrations_query g = { .has_domain = true, .domain = "g" }, other = { .has_domain = true, .domain = "h" };
	struct strays found = { .n = 0 };
	char why[CF_DETAIL_ROOM] = "";

	strays_add(&found, &one);
	strays_add(&found, &same);
	ok(found.n == 1, "what another agent has, and what libvirt says of the same domain, is one");
	strays_tell(parts.all, &found);
	ok(n_shown(&(struct cf_migrations_query){ 0 }) == 1 && n_shown(&open) == 1 && n_shown(&g) == 1, "it is among all, and those that are open");
	ok(n_shown(&ended) == 0 && n_shown(&other) == 0, "... and not among others");
	ok(migrations_stray(parts.all, one.id, why) && strcmp(why, one.why) == 0, "by its id it is known: %s", why);
	ok(!migrations_stray(parts.all, UUID, why), "... and no other");
	ok(strays_have(&parts.all->strays, same.uuid), "whichever case its uuid is in");
	found.n = 0;
	strays_tell(parts.all, &found);
	ok(n_shown(&open) == 0 && !migrations_stray(parts.all, one.id, why), "and when it is gone nothing is");
	for (int i = 0; i < 2 * CF_STRAYS_MAX; i++) {
		struct cf_stray many = one;

		snprintf(many.uuid, sizeof(many.uuid), "%s", ledger_made_id(i));
		strays_add(&found, &many);
	}
	ok(found.n == CF_STRAYS_MAX, "there is room for so many: %zu", found.n);
}

int main(void)
{
	ok(parts_begin(&parts, &err) == 0, "an agent: %s", err.text);
	test_settled();
	test_domains();
	test_unrestored();
	test_lost_again();
	test_list();
	parts_end(&parts);
	return done();
}
