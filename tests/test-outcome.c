/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The outcome of a migration, by the figures of its receipt and by which of them are known. */

#include <string.h>

#include "policy/outcome.h"
#include "proto/base.h"
#include "proto/figure.h"
#include "tests/tap.h"

#define MS(n) ((cf_span){ (n) * CF_MS })
#define FROM(low, high) { MS(low), MS(high) }

static const struct {
	const char *sentence;
	bool has_blackout, has_landing;
	int64_t blackout;		/* its upper end, ms; the limit is 1 s */
	size_t n;
	int64_t low, high;		/* the last residual, ms; the limit is 20 ms */
	enum cf_outcome outcome;
	const char *reason;		/* "": there is nothing to explain */
} outcomes[] = {
	{ "all within",                        true,  true,  999,  3, -19, 0,   CF_OUTCOME_CLEAN, "" },
	{ "at both limits",                    true,  true,  1000, 3, -20, 20,  CF_OUTCOME_CLEAN, "" },
	{ "a blackout that may be too long",   true,  true,  1001, 3, -1,  0,   CF_OUTCOME_BREACHED, "the blackout was" },
	{ "... the clock unknown",             true,  true,  1001, 0, 0,   0,   CF_OUTCOME_BREACHED, "the blackout was" },
	{ "a clock that may lag too much",     true,  true,  80,   3, -21, -1,  CF_OUTCOME_BREACHED, "still off by" },
	{ "a clock that may be too far ahead", true,  true,  80,   3, -1,  21,  CF_OUTCOME_BREACHED, "still off by" },
	{ "... the blackout unknown",          false, true,  0,    3, -1,  21,  CF_OUTCOME_BREACHED, "still off by" },
	{ "an unknown blackout",               false, true,  0,    3, -1,  0,   CF_OUTCOME_UNVERIFIED, "the blackout could" },
	{ "an unknown clock",                  true,  true,  80,   0, 0,   0,   CF_OUTCOME_UNVERIFIED,
	  "the guest's clock could" },
	{ "a destination that said nothing",   true,  false, 80,   3, -1,  0,   CF_OUTCOME_UNVERIFIED,
	  "the guest's clock could" },
	{ "nothing known",                     false, false, 0,    0, 0,   0,   CF_OUTCOME_UNVERIFIED,
	  "blackout and guest clock" },
};

static void test_outcomes(void)
{
	for (size_t i = 0; i < CF_COUNT(outcomes); i++) {
		struct cf_receipt receipt = {
			.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
			.has_blackout = outcomes[i].has_blackout,
			.blackout = FROM(outcomes[i].blackout - 5, outcomes[i].blackout),
			.has_landing = outcomes[i].has_landing,
			.landing = { .n_residuals = outcomes[i].n,
				     .residuals = { { MS(100), FROM(-500, -490) }, { MS(1000), FROM(-30, -28) } } },
		};
		char reason[CF_DETAIL_ROOM] = "an earlier one";
		enum cf_outcome outcome;

		if (outcomes[i].n)
			receipt.landing.residuals[outcomes[i].n - 1] = (struct cf_residual){
				MS(10000), FROM(outcomes[i].low, outcomes[i].high) };
		outcome = cf_outcome_judge(&receipt, &receipt.limits, reason);
		ok(outcome == outcomes[i].outcome, "%s: %s", outcomes[i].sentence, cf_outcome_words[outcome]);
		ok(*outcomes[i].reason ? !!strstr(reason, outcomes[i].reason) : !*reason, "... because %s",
		   *reason ? reason : "all is as it should be");
		ok(outcome != CF_OUTCOME_BREACHED || strstr(reason, "the limit is"), "... and of which limit it is told");
	}
}

/* A step to 329 ms ahead, from 200 ms after RESUME on, in a call of 900 ms: what is known of the clock afterwards? */
static const struct {
	const char *sentence;
	int64_t low, high, after;	/* the last residual, ms, and when it was read */
	enum cf_outcome outcome;
} steps[] = {
	{ "a clock that was too far behind, stepped, and not read since",  -338, -329, 199,  CF_OUTCOME_UNVERIFIED },
	{ "one that was right, stepped all the same, and not read since",  -16,  -15,  199,  CF_OUTCOME_UNVERIFIED },
	{ "one that was read when the step was over",                      -9,   0,    1100, CF_OUTCOME_CLEAN },
	{ "... and is still too far behind",                               -338, -329, 1100, CF_OUTCOME_BREACHED },
};

static void test_steps(void)
{
	for (size_t i = 0; i < CF_COUNT(steps); i++) {
		struct cf_receipt receipt = {
			.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
			.has_blackout = true, .blackout = FROM(70, 80), .has_landing = true,
			.landing = { .n_steps = 1, .steps = { { .after = MS(200), .by = MS(329), .took = MS(900) } }, .n_residuals = 1,
				     .residuals = { { MS(steps[i].after), FROM(steps[i].low, steps[i].high) } } },
		};
		bool known = steps[i].outcome != CF_OUTCOME_UNVERIFIED;
		char reason[CF_DETAIL_ROOM];

		ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == steps[i].outcome, "%s: %s", steps[i].sentence, reason);
		ok(cf_figure_there(&receipt, CF_FIGURE_RESIDUAL) == known && !cf_landing_residual(&receipt.landing) == !known,
		   "... what is left is %s", known ? "known" : "not");
		receipt.landing.n_residuals = 0;
		receipt.landing.has_counters = receipt.landing.counters.has_residual = true;
		ok(!cf_landing_residual(&receipt.landing), "... and its counters do not know of the step");
	}
}

/* Of a guest that nobody can ask, what its counters are off by is what is known. */
static void test_counters(void)
{
	struct cf_receipt receipt = {
		.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
		.has_blackout = true, .blackout = FROM(70, 80), .has_landing = true,
		.landing = { .lever = CF_LEVER_KVM, .has_counters = true,
			     .counters = { .result = CF_COUNTERS_CARRIED, .has_residual = true, .residual = FROM(-1, 1) } },
	};
	char reason[CF_DETAIL_ROOM];

	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_CLEAN, "counters that were carried are a clock that is right");
	receipt.landing.counters.residual.high = MS(21);
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_BREACHED, "... unless they may be off by more than policy allows: %s",
	   reason);
	receipt.landing.counters.has_residual = false;
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_UNVERIFIED, "... or nobody knows by how much: %s", reason);
	receipt.landing.counters.has_residual = true;
	receipt.landing.n_residuals = 1;
	receipt.landing.residuals[0] = (struct cf_residual){ MS(100), FROM(-1, 1) };
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_CLEAN, "the guest's own clock, where it can be read, says more");
}

static void test_torn(void)
{
	struct cf_receipt receipt = {
		.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
		.has_blackout = true,
		.blackout = FROM(90, 100),
		.has_landing = true,
		.landing = { .torn = true, .n_residuals = 1, .residuals = { { MS(1000), FROM(-1, 1) } } },
	};
	char reason[CF_DETAIL_ROOM];

	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_UNVERIFIED && strstr(reason, "lacks memory"),
	   "a guest without all of its memory is not clean, whatever its clock says: %s", reason);
}

int main(void)
{
	test_outcomes();
	test_steps();
	test_counters();
	test_torn();
	return done();
}
