/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Correcting a guest's clock, against a made-up guest: its agent's calls take
 * as long as chance says, the first ones after RESUME longest, and what its
 * clock really shows is known.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/mend.h"
#include "daemon/act/context.h"
#include "daemon/clock/kernel.h"
#include "tests/fake-guest.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define GUESTS 2000

struct guest {
	enum kind kind;
	enum cf_correction mode;
	int64_t error, cold, jitter, outlier, within;
};

static struct work *work;
static struct settings *settings;
static struct cf_landing landing;
static struct aim aim;

static struct aim begin(const struct guest *guest)
{
	uint64_t random = sim.random;

	memset(&sim, 0, sizeof(sim));
	sim.random = random;
	fake_begin((cf_span){ 0 });
	sim.kind = guest->kind;
	sim.cold = guest->cold;
	sim.jitter = guest->jitter;
	sim.outlier = guest->outlier;
	sim.where = chance(7200 * CF_S) - 3600 * CF_S;
	sim.ahead = sim.where + guest->error;
	memset(&landing, 0, sizeof(landing));
	*unmeasured = '\0';
	settings->guest.rounds = 8;
	settings->guest.timeout = (cf_span){ 5 * CF_S };
	settings->guest.correct_within = (cf_span){ guest->within };
	work->settings = settings;
	work->limits.limits.correction = guest->mode;
	work->limits.limits.correction_floor = (cf_span){ 2 * CF_MS };
	work->limits.limits.max_residual = (cf_span){ 20 * CF_MS };
	return (struct aim){
		.offset = cf_interval_around((cf_span){ sim.where }, (cf_span){ 500 * CF_US }),
		.from = kernel_instant(),
		.resume = kernel_instant(),
	};
}

/* Of each residual the truth is known: the clock's error changes only when it is set. */
static int64_t mended(const struct guest *guest)
{
	const struct cf_interval *left;

	aim = begin(guest);
	mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing });
	left = cf_landing_residual(&landing);
	sim.beyond += left && !cf_interval_has(*left, (cf_span){ sim.ahead - sim.where });
	return sim.ahead - sim.where;
}

#define FORWARD(...) { GOOD, CF_CORRECTION_STEP_FORWARD, __VA_ARGS__, .within = 5 * CF_S }

static const struct {
	const char *sentence;
	struct guest guest;	/* its error is the longest lag, the real one is up to that */
	int stay;		/* how many at most may stay beyond policy */
} many[] = {
	{ "quick agents", FORWARD(-CF_S, 0, 100 * CF_US), 0 },
	{ "agents that are slow at first", FORWARD(-CF_S, 60 * CF_MS, CF_MS), 0 },
	{ "small lags and agents that are slow at first", FORWARD(-30 * CF_MS, 30 * CF_MS, CF_MS), 0 },
	{ "agents that are slow always", FORWARD(-CF_S, 10 * CF_MS, 30 * CF_MS), GUESTS },
	{ "agents that are slow always, and tell their clock's last tick",
	  { TICKING, CF_CORRECTION_STEP_FORWARD, -CF_S, 10 * CF_MS, 30 * CF_MS, .within = 5 * CF_S }, GUESTS },
	{ "agents of which one call in ten is slow", FORWARD(-300 * CF_MS, 20 * CF_MS, CF_MS, 9), GUESTS / 100 },
};

/* What holds of every guest, whatever its agent is like. */
static void test_many(void)
{
	for (size_t i = 0; i < CF_COUNT(many); i++) {
		int beyond = 0, backwards = 0, silent = 0, alarms = 0, wrong = 0, often = 0;
		int64_t overshot = 0;

		for (int n = 0; n < GUESTS; n++) {
			struct guest guest = many[i].guest;
			bool said = false;
			int64_t left;

			guest.error = -chance(-guest.error);
			left = mended(&guest);
			for (size_t k = 0; k < landing.n_steps; k++)
				said = said || strstr(landing.steps[k].why, "set the guest's clock back");
			beyond += sim.beyond;
			backwards += sim.backwards - sim.excused;
			silent += sim.backwards && !said;
			alarms += said && !sim.backwards;
			wrong += left < -20 * CF_MS || !*landing.left;
			often += sim.sets > 4 || sim.reads > 20;
			overshot = sim.overshot > overshot ? sim.overshot : overshot;
		}
		ok(beyond == 0, "%s: what is really left lies in the last residual", many[i].sentence);
		ok(overshot == 0, "... none of %d clocks was set too far", GUESTS);
		ok(backwards == 0, "... none was set back by a call like those before it (but %d)", backwards);
		ok(silent == 0, "... and the receipt tells of the others (but %d)", silent);
		ok(alarms < GUESTS / 20, "... and seldom of one that was not (of %d)", alarms);
		ok(wrong <= many[i].stay, "... each is within policy in the end (but %d), and why it was left so is told", wrong);
		ok(often == 0, "... nobody was asked for ever");
	}
}

static const struct {
	const char *sentence;
	struct guest guest;
	int sets;
	int64_t left;		/* of the error: all, or at most so much */
	const char *why, *unmeasured;
} cases[] = {
	{ "policy says to report", { GOOD, CF_CORRECTION_REPORT, .error = -100 * CF_MS, .within = 5 * CF_S },
	  0, 100 * CF_MS, "policy says to report it only", "" },
	{ "a clock ahead is not set back", { GOOD, CF_CORRECTION_STEP_FORWARD, .error = 3 * CF_S, .within = 5 * CF_S },
	  0, 3 * CF_S, "policy forbids to set it back", "" },
	{ "a clock ahead is set back where policy says so",
	  { GOOD, CF_CORRECTION_STEP, .error = 3 * CF_S, .within = 5 * CF_S }, 1, 2 * CF_MS, "too little to touch it", "" },
	{ "it is too late", { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 0 },
	  0, CF_S, "it is later than 0 s after RESUME", "" },
	{ "a lag below the floor", { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_MS, .within = 5 * CF_S },
	  0, CF_MS, "too little to touch it", "" },
	{ "an agent that only says that it sets the clock",
	  { DEAF, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S }, 2, CF_S, "setting it does not help", "" },
	{ "an agent that refuses to set it",
	  { REFUSING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S }, 2, CF_S, "setting it does not help", "" },
	{ "an agent that does not answer", { HANGING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S },
	  0, CF_S, "", "lag: the guest agent did not answer in time" },
	{ "an agent that is not there", { DISCONNECTED, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S },
	  0, CF_S, "", "lag: the guest agent is not connected" },
	{ "an agent that is there a moment later", { LATER, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S },
	  1, CF_MS, "may be nothing", "" },
	{ "an agent that tells its clock's last tick", { TICKING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S },
	  1, 2 * CF_MS, "may be nothing", "" },
	{ "... of a clock ahead, set back", { TICKING, CF_CORRECTION_STEP, .error = 3 * CF_S, .within = 5 * CF_S },
	  1, 2 * CF_MS, "its clock is off by", "" },
};

static void test_cases(void)
{
	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		int64_t left = mended(&cases[i].guest), error = cases[i].guest.error;
		bool same = left == error;

		left = left < 0 ? -left : left;
		ok(sim.sets == cases[i].sets && landing.n_steps == (size_t)sim.sets, "%s: set %d times", cases[i].sentence,
		   sim.sets);
		ok(cases[i].left == (error < 0 ? -error : error) ? same : left <= cases[i].left,
		   "... which leaves %lld us", (long long)(left / CF_US));
		ok(*cases[i].why ? !!strstr(landing.left, cases[i].why) : !*landing.left, "... because %s",
		   *landing.left ? landing.left : "nothing is known");
		ok(error < 0 || landing.n_steps == 0 || !*landing.steps[0].why, "... and a step back that is meant is no accident");
		ok(strcmp(unmeasured, cases[i].unmeasured) == 0, "... and not measured is \"%s\"", unmeasured);
		ok(fake_took().ns <= 11 * CF_S && sim.beyond == 0, "... within bounded time, and nothing is claimed");
		ok(landing.has_lag == !*cases[i].unmeasured &&
		   (!landing.has_lag || cf_interval_has(landing.lag, (cf_span){ -error })),
		   "... the lag is what it was before, or absent");
	}
}

static void test_answer(void)
{
	const struct guest refusing = { REFUSING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };

	mended(&refusing);
	ok(landing.n_steps > 0 && !landing.steps[0].accepted && strcmp(landing.steps[0].why, "not today") == 0,
	   "what the agent said is in the receipt");
}

/* What was read before a step says nothing of the clock after it; nor does it where there were more than the receipt has room for. */
static void test_dying(void)
{
	struct guest guest = { DYING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };
	const struct mend_guest whenever = { .uuid = "", .aim = &aim, .at = &landing, .whenever = true };

	mended(&guest);
	ok(landing.has_lag && landing.n_steps == 1 && !cf_landing_residual(&landing) && strstr(unmeasured, "residual: "),
	   "of an agent that dies of being told the time nobody knows what it made of it: %s", unmeasured);
	guest.kind = REFUSING;
	mended(&guest);
	for (int i = 0; i < 4; i++)
		mend_again(work, &whenever);
	ok(sim.sets > (int)CF_COUNT(landing.steps) && cf_landing_residual(&landing), "one that refuses again and again is read again");
	sim.kind = DYING;
	mend_again(work, &whenever);
	ok(landing.n_steps == CF_COUNT(landing.steps) && !cf_landing_residual(&landing), "... until it dies of it");
}

/* The first reading is made with an aim of +-10 ms; a better one has come in when it is done. */
static void know_better(struct work *unused)
{
	(void)unused;
	aim.offset = cf_interval_around((cf_span){ sim.where }, (cf_span){ 100 * CF_US });
}

/* What is left, and how well that is known, when the aim gets better meanwhile or not. */
static int64_t left_with(void (*refresh)(struct work *work), int64_t *known)
{
	const struct guest guest = { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };

	aim = begin(&guest);
	aim.offset = cf_interval_around((cf_span){ sim.where }, (cf_span){ 10 * CF_MS });
	mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing, .refresh = refresh });
	*known = cf_interval_half(landing.residuals[landing.n_residuals - 1].residual).ns;
	return sim.where - sim.ahead;
}

static void test_refresh(void)
{
	int64_t known, left = left_with(NULL, &known);

	ok(left > 5 * CF_MS && known >= 10 * CF_MS, "an aim of +-10 ms leaves %lld us, known to +-%lld us",
	   (long long)(left / CF_US), (long long)(known / CF_US));
	left = left_with(know_better, &known);
	ok(left < CF_MS && known < CF_MS, "one that gets better meanwhile leaves %lld us, known to +-%lld us",
	   (long long)(left / CF_US), (long long)(known / CF_US));
	ok(cf_interval_half(landing.lag).ns < CF_MS && landing.n_steps == 1, "... the lag as well, and one step does it");
}

/* Clocks that were carried in QEMU are right; what an agent that answers late makes of them is not to be mended. */
static void test_carried(void)
{
	const struct guest guest = { GOOD, CF_CORRECTION_STEP, .error = -CF_S, .within = 5 * CF_S };
	const struct mend_guest carried = { .uuid = "", .aim = &aim, .at = &landing, .carried = true };

	aim = begin(&guest);
	mend(work, &carried);
	mend_again(work, &carried);
	ok(sim.sets == 0 && landing.n_steps == 0, "a clock that was carried is not set, whatever it shows");
	ok(landing.has_lag && landing.n_residuals == 2 && *landing.left, "... but read, and the receipt says why nothing was done: %s",
	   landing.left);
}

/* What was waited for, and came, is not told as if it had not. */
static void test_later(void)
{
	const struct guest guest = { LATER, CF_CORRECTION_STEP_FORWARD, .within = 5 * CF_S };

	mended(&guest);
	ok(landing.has_lag && landing.n_residuals > 0 && !*unmeasured, "of an agent that is there a moment later nothing is missed: \"%s\"", unmeasured);
}

/* An agent that says nothing for a while, as its QEMU stands still, is asked again for as long as whoever asks has patience. */
static void test_silent(void)
{
	static const struct {
		const char *sentence;
		int64_t wakes, patience;
		bool mended;
	} rows[] = {
		{ "answers after 8 s, and is not waited for",  8 * CF_S,  0,        false },
		{ "answers after 8 s, and is waited for",      8 * CF_S,  5 * CF_S, true },
		{ "answers after a minute, which is too long", 60 * CF_S, 5 * CF_S, false },
		{ "never answers",                             0,         5 * CF_S, false },
	};
	const struct guest guest = { HANGING, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		aim = begin(&guest);
		sim.wakes = rows[i].wakes ? fake.now.ns + rows[i].wakes : 0;
		mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing, .whenever = true,
						 .patience = { rows[i].patience } });
		ok(rows[i].mended ? llabs(sim.ahead - sim.where) < 20 * CF_MS && landing.has_lag && !*unmeasured
				  : !landing.has_lag && !landing.n_residuals && strstr(unmeasured, "did not answer in time"),
		   "one that %s: %s", rows[i].sentence, rows[i].mended ? "it is right then" : unmeasured);
		ok(fake_took().ns <= 15 * CF_S, "... which takes no more than %d s", (int)(fake_took().ns / CF_S));
	}
}

/* The clock of a guest whose libvirtd hangs is put right once that answers, however late, whenever it began to hang. */
static void test_hang(void)
{
	const struct guest guest = { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };
	int given_up = 0, wrong = 0, beyond = 0, lag = 0;

	for (int64_t after = 0; after < 300 * CF_MS; after += CF_MS) {
		int64_t left;

		aim = begin(&guest);
		sim.hangs = fake.now.ns + after;
		sim.thaws = sim.hangs + 20 * CF_S;
		mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing });
		left = sim.ahead - sim.where;
		given_up += *unmeasured != '\0' || landing.n_residuals == 0;
		wrong += left > 0 || left < -3 * CF_MS;
		beyond += !landing.n_residuals ||
			  !cf_interval_has(landing.residuals[landing.n_residuals - 1].residual, (cf_span){ left });
		lag += !landing.has_lag || !cf_interval_has(landing.lag, (cf_span){ CF_S });
	}
	ok(given_up == 0, "a libvirtd that hangs is waited for (but %d)", given_up);
	ok(wrong == 0, "... and the guest's clock is put right (but %d)", wrong);
	ok(beyond == 0, "... what is left lies in the residual (but %d)", beyond);
	ok(lag == 0, "... and the lag is what was lost first, not what a call did that came late (but %d)", lag);
}

/* A step of the host's clock is none of the guest's, whenever it happens: RAW tells how far off that one is. */
static void test_stepped(void)
{
	const struct guest guest = { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };
	static const int64_t jumps[] = { -7 * CF_S, 7 * CF_S, 3 * CF_MS };
	int unsaid = 0, wrong = 0, beyond = 0;

	mended(&guest);
	ok(!landing.stepped, "a host whose clock is never stepped");
	for (size_t i = 0; i < CF_COUNT(jumps); i++)
		for (int64_t after = 0; after < 10 * CF_MS; after += CF_MS / 2) {
			int64_t left;

			aim = begin(&guest);
			sim.jump = jumps[i];
			sim.jump_at = fake.now.ns + 1 + after;
			sim.stepped = jumps[i] < CF_S ? sim.jump_at : 0;	/* the reporter sees what is told of by the kernel */
			mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing });
			left = sim.ahead - sim.where;
			unsaid += !landing.stepped || !landing.has_lag || !cf_interval_has(landing.lag, (cf_span){ CF_S });
			wrong += left > 0 || left < -3 * CF_MS || sim.sets != 1;
			beyond += !cf_interval_has(landing.residuals[landing.n_residuals - 1].residual, (cf_span){ left });
		}
	ok(unsaid == 0, "one whose clock is stepped while the guest's is corrected: it is said, and the lag is none the worse (but %d)",
	   unsaid);
	ok(wrong == 0, "... the guest's is put right at once (but %d)", wrong);
	ok(beyond == 0, "... and what is left lies in the residual (but %d)", beyond);

	aim = begin(&guest);
	sim.stepped = fake.now.ns;
	mend(work, &(struct mend_guest){ .uuid = "", .aim = &aim, .at = &landing });
	ok(!landing.stepped, "a step from before RESUME is nothing to it");
}

/* An agent before this one may have made a step: what the first reading tells is no lag then. */
static void test_again(void)
{
	const struct guest guest = { GOOD, CF_CORRECTION_STEP_FORWARD, .error = -CF_S, .within = 5 * CF_S };
	static const enum cf_phase phases[] = { CF_PHASE_CORRECTING, CF_PHASE_ABORTED };

	for (size_t i = 0; i < CF_COUNT(phases); i++) {
		work->again = phases[i];
		mended(&guest);
		ok(sim.sets == 1 && !landing.has_lag && strstr(unmeasured, "restarted"), "%s once more: the clock is put right, and %s",
		   cf_phase_words[phases[i]], unmeasured);
	}
	work->again = CF_PHASE_UNKNOWN;
}

int main(void)
{
	static struct act_context context;

	work = calloc(1, sizeof(*work));
	settings = calloc(1, sizeof(*settings));
	if (!work || !settings)
		return 1;
	work->context = &context;
	pthread_mutex_init(&work->lock, NULL);
	test_cases();
	test_answer();
	test_dying();
	test_refresh();
	test_carried();
	test_later();
	test_silent();
	test_hang();
	test_stepped();
	test_again();
	test_many();
	free(settings);
	free(work);
	return done();
}
