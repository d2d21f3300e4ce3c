/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's clock: cases for each rule. */
#include <string.h>

#include "policy/guest.h"
#include "policy/words.h"
#include "proto/base.h"
#include "tests/tap.h"

static struct cf_interval span(int64_t low, int64_t high)
{
	return (struct cf_interval){ { low }, { high } };
}

static bool is(struct cf_interval i, int64_t low, int64_t high)
{
	return i.low.ns == low && i.high.ns == high;
}

/* A call of 300 us, the guest's clock equal to its host's, and what the host's does meanwhile. */
static void reading_cases(void)
{
	struct cf_instant before = { { CF_S }, { CF_DAY } }, after = { { CF_S + 300 * CF_US },
								      { CF_DAY + 300 * CF_US } };
	struct cf_interval last = cf_guest_reading(before, after.real, after), first;

	ok(last.low.ns == -1, "an answer at the last moment");
	first = cf_guest_reading(before, before.real, after);
	ok(cf_interval_has(first, (cf_span){ 0 }) && cf_interval_has(first, (cf_span){ 999 }) &&
	   first.high.ns < 2 * CF_US,
	   "an answer at the first, and the microsecond it is cut to");
	after.real.ns += CF_S;
	first = cf_guest_reading(before, before.real, after);
	ok(cf_interval_has(first, (cf_span){ -CF_S }) && cf_interval_width(first).ns < 302 * CF_US,
	   "a step forward makes it no wider");
	after.real.ns -= 2 * CF_S;
	first = cf_guest_reading(before, before.real, after);
	ok(cf_interval_has(first, (cf_span){ CF_S }) && cf_interval_width(first).ns < 302 * CF_US,
	   "... nor a step back");
}

static struct cf_guest_offset reading(int64_t at, int64_t low, int64_t high)
{
	return (struct cf_guest_offset){ .offset = span(low, high), .at = { { at }, { at }, { 0 } },
					.rounds = 1 };
}

static void rate_cases(void)
{
	struct cf_guest_offset first = reading(CF_S, 0, 1000), last = reading(11 * CF_S, 200000, 201000);

	ok(cf_guest_rate(&first, &last) && last.rate.ppm > 19.9 && last.rate.ppm < 20.1 && last.rate.bound_ppm < 0.2 &&
	   last.rate_over.ns == 10 * CF_S, "200 us in 10 s are 20 ppm");
	last = reading(CF_S + CF_S / 2, 200000, 201000);
	ok(!cf_guest_rate(&first, &last), "half a second is too short to tell a rate");
	last = reading(3 * CF_S, -2 * CF_MS, 2 * CF_MS);
	ok(!cf_guest_rate(&first, &last), "two wide readings tell nothing better than 500 ppm");
	last = reading(11 * CF_S, 3600 * CF_S, 3600 * CF_S);
	ok(!cf_guest_rate(&first, &last) && !last.has_rate, "an hour in 10 s is a step, not a rate");
	ok(!cf_guest_rate(&last, &first), "nor do readings in the wrong order tell one");

	last = reading(0, 0, 0);
	last.has_rate = true;
	last.rate = (struct cf_rate){ .ppm = 9000, .bound_ppm = 1 };
	ok(cf_interval_has(cf_guest_offset_aged(&last, (struct cf_instant){ { CF_S }, { CF_S } }),
			   (cf_span){ 0 }) &&
	   cf_interval_has(cf_guest_offset_aged(&last, (struct cf_instant){ { CF_S }, { CF_S } }),
			   (cf_span){ 9 * CF_MS }),
	   "a guest that is being slewed may go on or stop");
}

/* Two readings 10 s apart of a guest that its own chronyd slewed by 100 ppm, which ends with the last. */
static void slew_ends(void)
{
	struct cf_guest_offset first = reading(CF_S, 0, 1000), last = reading(11 * CF_S, CF_MS, CF_MS + 1000);
	struct cf_instant then = { { 21 * CF_S }, { 21 * CF_S } }, later = { { 71 * CF_S }, { 71 * CF_S } };
	struct cf_interval aged;

	ok(cf_guest_rate(&first, &last) && cf_interval_width(cf_guest_offset_aged(&last, then)).ns < 10 * CF_US,
	   "for as long as a rate was measured it is taken to go on");
	aged = cf_guest_offset_aged(&last, later);
	ok(cf_interval_has(aged, (cf_span){ CF_MS }) && cf_interval_has(aged, (cf_span){ 7 * CF_MS }), "... and then to go on or to end");
	ok(cf_interval_width(aged).ns < 51 * CF_MS, "... by no more than a clock can that is left alone");
	last.has_rate_over = false;
	aged = cf_guest_offset_aged(&last, then);
	ok(cf_interval_width(aged).ns > 9 * CF_MS, "of one that does not say how long it was measured nothing is taken");
}

static void what_adds(void)
{
	struct cf_guest_offset known = reading(0, -CF_MS, CF_MS), fresh = reading(10 * CF_S, -7 * CF_MS, 7 * CF_MS);

	ok(!cf_guest_offset_meet(&known, &fresh), "+-1 ms that may have gone off by 5 ms since: +-7 ms later add nothing");
	fresh = reading(10 * CF_S, -7 * CF_MS, 5 * CF_MS);
	ok(cf_guest_offset_meet(&known, &fresh) && fresh.offset.high.ns == 5 * CF_MS && fresh.offset.low.ns > -7 * CF_MS,
	   "... unless one end is nearer, and then no more than both allow is left");
	fresh = reading(10 * CF_S, 20 * CF_MS, 80 * CF_MS);
	ok(cf_guest_offset_meet(&known, &fresh) && fresh.offset.low.ns == 20 * CF_MS && fresh.offset.high.ns == 80 * CF_MS,
	   "... or it contradicts, however wide");
	known.offset = (struct cf_interval){ { -CF_US }, { CF_US } };
	known.has_rate = known.has_rate_over = true;
	known.rate_over = (cf_span){ 10 * CF_S };
	known.rate = (struct cf_rate){ .ppm = 20, .bound_ppm = 1 };
	fresh = reading(10 * CF_S, -CF_MS, CF_MS);
	ok(!cf_guest_offset_meet(&known, &fresh), "with a rate that is known the earlier one tells more for longer");
	known.rate_over = (cf_span){ 120 * CF_S };
	fresh = reading(60 * CF_S, -4 * CF_MS, 4 * CF_MS);
	ok(cf_guest_offset_meet(&known, &fresh), "... but not for as long as it was measured over: the guest may be steered otherwise");
}

/* What two, three, ten readings tell of the clock's rate since then. */
static void drift_cases(void)
{
	static const struct {
		const char *sentence;
		size_t n;
		struct cf_residual list[4];
		cf_span since;
		bool told;
		double ppm, bound;
	} rows[] = {
		{ "one reading", 1, { { { CF_S }, { { 0 }, { 0 } } } }, { 0 }, false, 0, 0 },
		{ "two that are exact", 2, { { { CF_S }, { { 0 }, { 0 } } }, { { 11 * CF_S }, { { CF_MS }, { CF_MS } } } }, { 0 }, true,
		  100, 0 },
		{ "two with bounds", 2, { { { CF_S }, { { -CF_MS }, { CF_MS } } }, { { 51 * CF_S }, { { 0 }, { 2 * CF_MS } } } }, { 0 },
		  true, 20, 40 },
		{ "two that are too near", 2, { { { CF_S }, { { -CF_MS }, { CF_MS } } }, { { 2 * CF_S }, { { -CF_MS }, { CF_MS } } } }, { 0 },
		  false, 0, 0 },
		{ "two at one moment", 2, { { { CF_S }, { { 0 }, { 0 } } }, { { CF_S }, { { 0 }, { 0 } } } }, { 0 }, false, 0, 0 },
		{ "a third that is in line", 3, { { { CF_S }, { { -CF_MS }, { CF_MS } } }, { { 11 * CF_S }, { { -CF_MS }, { CF_MS } } },
		  { { 61 * CF_S }, { { -CF_MS }, { CF_MS } } } }, { 0 }, true, 0, 33.3 },
		{ "a third that contradicts them", 3, { { { CF_S }, { { 0 }, { 0 } } }, { { 11 * CF_S }, { { 0 }, { 0 } } },
		  { { 61 * CF_S }, { { CF_MS }, { CF_MS } } } }, { 0 }, false, 0, 0 },
		{ "a step before them", 3, { { { CF_MS }, { { -300 * CF_MS }, { -299 * CF_MS } } }, { { CF_S }, { { 0 }, { 0 } } },
		  { { 11 * CF_S }, { { CF_MS }, { CF_MS } } } }, { 500 * CF_MS }, true, 100, 0 },
		{ "a step among them", 3, { { { CF_MS }, { { -300 * CF_MS }, { -299 * CF_MS } } }, { { CF_S }, { { 0 }, { 0 } } },
		  { { 11 * CF_S }, { { CF_MS }, { CF_MS } } } }, { 0 }, false, 0, 0 },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		struct cf_rate rate = { 77, 77 };
		bool told = cf_guest_drift(rows[i].list, rows[i].n, rows[i].since, &rate);
		double ppm = told ? rows[i].ppm : 77, bound = told ? rows[i].bound : 77;

		ok(told == rows[i].told && rate.ppm > ppm - 0.1 && rate.ppm < ppm + 0.1 && rate.bound_ppm > bound - 0.1 &&
		   rate.bound_ppm < bound + 0.1, "drift, %s: %.1f ppm +- %.1f", rows[i].sentence, rate.ppm, rate.bound_ppm);
	}
}

#define AHEAD    { { 2000 }, { 2010 } }		/* the destination's clock */
#define BEHIND   { { -2010 }, { -2000 } }
#define EQUAL    { { -5 }, { 7 } }

static const struct {
	const char *sentence;
	const char *type, *clocksource;
	bool self_correcting;
	struct cf_interval host_offset;
	int64_t low, high;
	const char *why;		/* a word of it */
} lags[] = {
	{ "TCG stops every clock",                 "qemu", "tsc",              false, EQUAL,  100, 300,
	 "TCG" },
	{ "TCG does, whatever QEMU could do",      "qemu", "kvm-clock",        true,  EQUAL,  100, 300,
	 "TCG" },
	{ "kvm-clock loses a part",                "kvm",  "kvm-clock",        false, EQUAL,  0,   300,
	 "kvm-clock" },
	{ "the tsc loses a part",                  "kvm",  "tsc",              false, AHEAD,  0,   300,
	 "tsc" },
	{ "arm64 may lose all",                    "kvm",  "arch_sys_counter", false, EQUAL,  0,   300,
	 "arm64" },
	{ "hpet loses all",                        "kvm",  "hpet",             false, EQUAL,  100, 300,
	 "hpet" },
	{ "hpet does, whatever kvm-clock gets",    "kvm",  "hpet",             true,  EQUAL,  100, 300,
	 "hpet" },
	{ "acpi_pm loses all",                     "kvm",  "acpi_pm",          false, EQUAL,  100, 300,
	 "acpi_pm" },
	{ "nobody knows the clocksource",          "kvm",  NULL,               false, EQUAL,  0,   300,
	 "not known" },
	{ "a clocksource of tomorrow",             "kvm",  "quartz",           false, EQUAL,  0,   300,
	 "not known" },
	{ "a QEMU that corrects by equal clocks",  "kvm",  "kvm-clock",        true,  EQUAL,  -7,  5,
	   "x-account" },
	{ "... by a destination 2 us ahead",       "kvm",  "kvm-clock",        true,  AHEAD,  -2010, -2000,
	 "x-account" },
	{ "... by one behind: never set back",     "kvm",  "kvm-clock",        true,  BEHIND, 0,   300,
	 "x-account" },
};

static void lag_cases(void)
{
	for (size_t i = 0; i < CF_COUNT(lags); i++) {
		struct cf_guest_clock guest = { .self_correcting = lags[i].self_correcting };
		char why[CF_DETAIL_ROOM];
		struct cf_interval lag;

		strcpy(guest.type, lags[i].type);
		guest.has_clocksource = lags[i].clocksource;
		if (guest.has_clocksource)
			strcpy(guest.clocksource, lags[i].clocksource);
		lag = cf_lag_predicted(&guest, span(100, 300), lags[i].host_offset, why);
		ok(is(lag, lags[i].low, lags[i].high) && strstr(why, lags[i].why), "%s (%s)",
		   lags[i].sentence, why);
	}
}

static const struct {
	const char *sentence;
	int64_t low, high;
	enum cf_correction mode;
	int64_t by;			/* 0: it is left alone */
	const char *why;
} corrections[] = {
	{ "a lag is set forward, to its low end",  -120, -100, CF_CORRECTION_STEP_FORWARD, 100,  "forward" },
	{ "... in mode step as well",              -120, -100, CF_CORRECTION_STEP,         100,  "forward" },
	{ "... and in mode report not",            -120, -100, CF_CORRECTION_REPORT,       0,    "report" },
	{ "a mode of tomorrow changes nothing",    -120, -100, CF_CORRECTION_UNKNOWN,      0,    "report" },
	{ "a lag of the floor is corrected",       -90,  -50,  CF_CORRECTION_STEP_FORWARD, 50,   "forward" },
	{ "a lag below the floor is left alone",   -90,  -49,  CF_CORRECTION_STEP_FORWARD, 0,
	    "too little" },
	{ "what may be nothing is left alone",     -90,  0,    CF_CORRECTION_STEP_FORWARD, 0,    "nothing" },
	{ "... however wide",                      -9000, 1,   CF_CORRECTION_STEP,         0,    "nothing" },
	{ "a clock ahead is not set back",         100,  120,  CF_CORRECTION_STEP_FORWARD, 0,    "forbids" },
	{ "... unless policy says step",           100,  120,  CF_CORRECTION_STEP,         -100, "back" },
	{ "... and by more than the floor",        49,   120,  CF_CORRECTION_STEP,         0,
	    "too little" },
	{ "an absurd lag",                         INT64_MIN, INT64_MIN, CF_CORRECTION_STEP_FORWARD,
	 INT64_MAX, "forward" },
};

static void correction_cases(void)
{
	for (size_t i = 0; i < CF_COUNT(corrections); i++) {
		struct cf_interval error = span(corrections[i].low, corrections[i].high);
		cf_span by = { 4711 };
		char why[CF_DETAIL_ROOM];
		enum cf_correct what = cf_correct_next(error, corrections[i].mode, (cf_span){ 50 },
						       (cf_span){ 49 }, &by, why);

		ok((what == CF_CORRECT_SET) == (corrections[i].by != 0) &&
		   by.ns == (corrections[i].by ? corrections[i].by : 4711) && strstr(why, corrections[i].why),
		   "%s (%s)", corrections[i].sentence, why);
	}
}

/* A request that comes late by more than the step would set the guest's clock back. */
static void slow_cases(void)
{
	struct cf_interval error = span(-120, -100);
	char why[CF_DETAIL_ROOM];
	cf_span by = { 4711 };

	ok(cf_correct_next(error, CF_CORRECTION_STEP_FORWARD, (cf_span){ 50 }, (cf_span){ 100 }, &by, why) ==
	   CF_CORRECT_SLOW && by.ns == 4711 && strstr(why, "may take 100 ns"),
	   "a step no longer than a call may take is not made (%s)", why);
	ok(cf_correct_next(error, CF_CORRECTION_STEP_FORWARD, (cf_span){ 50 }, (cf_span){ 99 }, &by, why) ==
	   CF_CORRECT_SET && by.ns == 100, "a longer one is");
	ok(cf_correct_next(error, CF_CORRECTION_STEP, (cf_span){ 50 }, (cf_span){ 9999 }, &by, why) ==
	   CF_CORRECT_SET, "and where policy allows to go back, any");
	ok(cf_correct_next(span(-90, 0), CF_CORRECTION_STEP_FORWARD, (cf_span){ 50 }, (cf_span){ 100 }, &by, why) ==
	   CF_CORRECT_NOT, "what would be left alone anyway is not called slow");
}

static void words(void)
{
	char text[12] = "lag";

	words_add_int(text, sizeof(text), INT64_MIN);
	ok(strcmp(text, "lag-9223372") == 0, "a number that does not fit is cut");
	words_set(text, sizeof(text), "");
	words_add_int(text, sizeof(text), 0);
	words_add_int(text, sizeof(text), -37);
	ok(strcmp(text, "0-37") == 0, "numbers are appended");
	words_set(text, sizeof(text), "0123456789\xc3\xbc");
	ok(strcmp(text, "0123456789") == 0, "a character that does not fit is left out whole");
}

int main(void)
{
	reading_cases();
	rate_cases();
	slew_ends();
	what_adds();
	drift_cases();
	lag_cases();
	correction_cases();
	slow_cases();
	words();

	return done();
}
