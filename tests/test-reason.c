/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why an attempt came to nothing: whoever asked for that, before what the driver makes of it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/reason.h"
#include "tests/tap.h"

static struct {
	bool answers, wished;
	int asked;
} there;
static bool wished_here;

bool work_aborted(struct work *work, char why[static CF_DETAIL_ROOM])
{
	(void)work;
	if (wished_here)
		strcpy(why, "aborted by uid 0 (root)");
	return wished_here;
}

int work_ask_landing(struct work *work, struct cf_landing *ret, struct cf_error *err)
{
	(void)work;
	there.asked++;
	if (!there.answers)
		return cf_fail(err, ECONNREFUSED, CF_UNREACHABLE, "nobody");
	*ret = (struct cf_landing){ .phase = CF_PHASE_DROPPED, .has_abort_asked = there.wished, .abort_asked = "aborted by ada" };
	return 0;
}

static const struct {
	const char *what;
	bool by_driver, here, answers, there;
	const char *why;	/* NULL: nobody had asked */
	int asked;
} cases[] = {
	{ "what is explained already is not asked about", false, true, true, true, NULL, 0 },
	{ "who asked here is known here", true, true, true, true, "aborted by uid 0 (root)", 0 },
	{ "who asked there is asked for there", true, false, true, true, "aborted by ada, at hB", 1 },
	{ "nobody had", true, false, true, false, NULL, 1 },
	{ "nobody says so", true, false, false, true, NULL, 1 },
};

int main(void)
{
	struct drive_end end = { .state = DRIVE_FAILED };
	struct work *work = calloc(1, sizeof(*work));
	char why[CF_DETAIL_ROOM];

	strcpy(work->reservation.destination, "hB");
	reason_driver(work, &end, "it came to nothing", why);
	ok(work->by_driver && strcmp(why, "it came to nothing") == 0, "a driver without a word has one all the same");
	strcpy(end.error.text, "operation failed");
	reason_driver(work, &end, "it came to nothing", why);
	ok(strcmp(why, "operation failed") == 0, "its own is better");
	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		bool asked;

		work->by_driver = cases[i].by_driver;
		wished_here = cases[i].here;
		there.answers = cases[i].answers;
		there.wished = cases[i].there;
		there.asked = 0;
		strcpy(why, "");
		asked = reason_asked(work, why);
		ok(asked == (cases[i].why != NULL) && (!asked || strcmp(why, cases[i].why) == 0) && there.asked == cases[i].asked,
		   "%s: %s", cases[i].what, why);
	}
	free(work);
	return done();
}
