/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/clock.h"

#include <string.h>

#include "daemon/clock/kernel.h"
#include "tests/tap.h"

#define US(n)	((cf_span){ (n) * CF_US })
#define S(n)	((cf_span){ (int64_t)((n) * CF_S) })

static const struct cf_clock_limits *const limits = &cf_clock_limits_default;
static const cf_real epoch = { INT64_C(1795000000) * CF_S };

/* s seconds of RAW after the start, with REALTIME `moved` away from where it was then. */
static struct cf_instant at(double s, cf_span moved)
{
	return (struct cf_instant){ { 1000 * CF_S + S(s).ns }, cf_real_add(cf_real_add(epoch, S(s)), moved), { 100 } };
}

static struct cf_instant plain(double s)
{
	return at(s, (cf_span){ 0 });
}

/* What a healthy chronyd says at an instant, its last update half a second old. */
static struct cf_tracking_reading healthy(struct cf_instant when)
{
	return (struct cf_tracking_reading){
		.at = when,
		.took = US(100),
		.via = CF_VIA_SOCKET,
		.tracking = {
			.refid = "7F000001", .stratum = 2, .leap = CF_LEAP_NORMAL,
			.has_reference_time = true, .reference_time = cf_real_add(when.real, S(-0.5)),
			.frequency_error_ppm = 0.23, .root_delay = { 5300 }, .root_dispersion = US(280),
			.has_update_interval = true, .update_interval = S(1),
			.selected = true, .has_reachability = true, .reachability = 0377,
			.has_poll_interval = true, .poll_interval = S(1),
		},
	};
}

static const char *word(enum cf_clock_state state)
{
	return cf_clock_states[state];
}

/* The rows of the table that was measured with chrony 4.3, each after a good reading or without one. */
static const struct row {
	const char *name;
	const char *refid;
	int stratum;
	enum cf_leap leap;
	int64_t delay_ns, dispersion_ns, correction_ns;
	double update_age_s;			/* negative: there never was one */
	bool selected;
	int reachability;
	enum cf_clock_fault fault;
	int64_t formula_us;			/* what chrony's formula makes of it, rounded down */
	enum cf_clock_state alone, after;	/* without a good reading, and 60 s after one */
} rows[] = {
	{ "synced", "7F000001", 2, CF_LEAP_NORMAL, 5300, 280000, 1350, 0.5, true, 0377,
	  CF_FAULT_NONE, 284, CF_CLOCK_SYNCHRONISED, CF_CLOCK_SYNCHRONISED },
	{ "server killed, +10 s", "7F000001", 2, CF_LEAP_NORMAL, 5300, 783000, 2350, 10.5, false, 0,
	  CF_FAULT_UNSELECTED, 788, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "server killed, +10 s, still selected", "7F000001", 2, CF_LEAP_NORMAL, 5300, 783000, 2350, 10.5, true, 0,
	  CF_FAULT_UNREACHABLE, 788, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "server killed, +10 s, one poll remembered", "7F000001", 2, CF_LEAP_NORMAL, 5300, 783000, 2350, 10.5,
	  true, 0200, CF_FAULT_STALE, 788, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "server killed, +50 s", "7F000001", 2, CF_LEAP_NORMAL, 5300, 2795000, 2350, 50.5, false, 0,
	  CF_FAULT_UNSELECTED, 2800, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "`local stratum 8` takes over", "7F7F0101", 8, CF_LEAP_NORMAL, 0, 0, 2400, 0.5, false, 0,
	  CF_FAULT_REFID_LOCAL, 2, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "`local`, 60 s later", "7F7F0101", 8, CF_LEAP_NORMAL, 0, 0, 3300, 60, false, 0,
	  CF_FAULT_REFID_LOCAL, 3, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "client of a stratum-10 `local` server", "7F000001", 11, CF_LEAP_NORMAL, 5300, 136000, 1350, 0.5, true, 0377,
	  CF_FAULT_STRATUM, 140, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "never synced", "00000000", 0, CF_LEAP_NOT_SYNCHRONISED, CF_S, CF_S, 0, -1, false, 0,
	  CF_FAULT_LEAP, 1500000, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "never synced, and `local`", "7F7F0101", 8, CF_LEAP_NORMAL, 0, 0, 0, 0.5, false, 0,
	  CF_FAULT_REFID_LOCAL, 0, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "a reference without a name", "00000000", 1, CF_LEAP_NORMAL, 0, 0, 0, 0.5, true, 0377,
	  CF_FAULT_REFID_NONE, 0, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "ntpd's local clock driver 127.127.1.0", "7F7F0100", 6, CF_LEAP_NORMAL, 0, 0, 0, 0.5, true, 0377,
	  CF_FAULT_REFID_LOCAL, 0, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "stratum 0", "7F000001", 0, CF_LEAP_NORMAL, 5300, 280000, 0, 0.5, true, 0377,
	  CF_FAULT_STRATUM, 282, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "no update ever, though all else is well", "7F000001", 2, CF_LEAP_NORMAL, 5300, 280000, 0, -1, true, 0377,
	  CF_FAULT_STALE, 282, CF_CLOCK_UNSYNCHRONISED, CF_CLOCK_HOLDOVER },
	{ "an update from the future", "7F000001", 2, CF_LEAP_NORMAL, 5300, 280000, 0, -1.1, true, 0377,
	  CF_FAULT_FUTURE, 282, CF_CLOCK_UNTRUSTED, CF_CLOCK_UNTRUSTED },
	{ "a negative dispersion", "7F000001", 2, CF_LEAP_NORMAL, 5300, -280000, 0, 0.5, true, 0377,
	  CF_FAULT_NEGATIVE, -277, CF_CLOCK_UNTRUSTED, CF_CLOCK_UNTRUSTED },
	{ "a leap second announced", "7F000001", 2, CF_LEAP_INSERT, 5300, 280000, 0, 0.5, true, 0377,
	  CF_FAULT_NONE, 282, CF_CLOCK_SYNCHRONISED, CF_CLOCK_SYNCHRONISED },
};

static struct cf_tracking_reading reading_of(const struct row *row, struct cf_instant when)
{
	struct cf_tracking_reading r = healthy(when);

	strcpy(r.tracking.refid, row->refid);
	r.tracking.stratum = row->stratum;
	r.tracking.leap = row->leap;
	r.tracking.root_delay.ns = row->delay_ns;
	r.tracking.root_dispersion.ns = row->dispersion_ns;
	r.tracking.correction.ns = row->correction_ns;
	r.tracking.has_reference_time = row->update_age_s != -1;
	r.tracking.reference_time = cf_real_add(when.real, S(-row->update_age_s));
	r.tracking.selected = row->selected;
	r.tracking.has_reachability = row->selected;
	r.tracking.reachability = row->reachability;
	return r;
}

static void test_rows(void)
{
	for (const struct row *row = rows; row < rows + CF_COUNT(rows); row++) {
		struct cf_clock_memory memory = { 0 };
		struct cf_tracking_reading r = reading_of(row, plain(0)), good = healthy(plain(-60));
		struct cf_clock_view view;

		ok(cf_reading_fault(limits, &r) == row->fault, "%s: %s", row->name,
		   row->fault ? cf_clock_fault_text(row->fault) : "nothing is wrong");
		ok(cf_reading_bound(&r).ns / CF_US == row->formula_us, "%s: the formula says %lld us", row->name,
		   (long long)row->formula_us);

		cf_clock_read(&memory, limits, &r);
		view = cf_clock_at(&memory, limits, plain(0));
		ok(view.state == row->alone, "%s: %s", row->name, word(row->alone));
		ok(view.has_bound == (row->alone == CF_CLOCK_SYNCHRONISED), "%s: a bound only where one is earned",
		   row->name);

		memory = (struct cf_clock_memory){ 0 };
		cf_clock_read(&memory, limits, &good);
		cf_clock_read(&memory, limits, &r);
		view = cf_clock_at(&memory, limits, plain(0));
		ok(view.state == row->after, "%s, a minute after a good reading: %s", row->name, word(row->after));
		/* 280 us + 2.65 us + 50 ppm of a minute, rounded up. */
		ok(row->after != CF_CLOCK_HOLDOVER || view.bound.ns == 282650 + 3000 * CF_US + 1,
		   "%s: in holdover the bound is ours, not chronyd's", row->name);
	}
}

static void test_limits(void)
{
	struct cf_clock_limits strict = *limits;
	struct cf_tracking_reading r = healthy(plain(0));

	r.tracking.stratum = 9;
	ok(cf_reading_fault(limits, &r) == CF_FAULT_NONE, "stratum 9 is within the default");
	strict.max_stratum = 8;
	ok(cf_reading_fault(&strict, &r) == CF_FAULT_STRATUM, "and outside a limit of 8");

	r = healthy(plain(0));
	r.tracking.reference_time = cf_real_add(epoch, S(-8));
	ok(cf_reading_fault(limits, &r) == CF_FAULT_NONE, "an update eight intervals old is not stale");
	r.tracking.reference_time.ns--;
	ok(cf_reading_fault(limits, &r) == CF_FAULT_STALE, "one nanosecond older it is");
	r.tracking.poll_interval = S(64);
	ok(cf_reading_fault(limits, &r) == CF_FAULT_NONE, "unless the source is only polled every 64 s");

	r.tracking.poll_interval = r.tracking.update_interval = S(1.0 / 64);
	r.tracking.reference_time = cf_real_add(epoch, S(-5));
	ok(cf_reading_fault(limits, &r) == CF_FAULT_NONE, "with 64 polls a second an update may be 5 s old");
	r.tracking.reference_time.ns--;
	ok(cf_reading_fault(limits, &r) == CF_FAULT_STALE, "and no older");

	r = healthy(plain(0));
	r.tracking.correction = S(3600);
	r.tracking.reference_time = cf_real_add(epoch, S(3599));
	ok(cf_reading_fault(limits, &r) == CF_FAULT_NONE, "the update's time is on the clock as chronyd would have it");
}

static void test_ageing(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0));
	struct cf_clock_view view, before = { 0 };
	bool grows = true, forward = true;
	double s;

	ok(cf_clock_at(&memory, limits, plain(0)).fault == CF_FAULT_NEVER, "nothing is known before the first answer");

	r.tracking.correction = US(-40);
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, plain(0));
	ok(view.bound.ns == 280000 + 2650 + 40000, "the bound is correction + dispersion + delay / 2");
	view = cf_clock_at(&memory, limits, plain(2));
	ok(view.bound.ns == 322650 + 2461, "and grows by 1 ppm plus the frequency error");
	ok(view.state == CF_CLOCK_SYNCHRONISED && view.fault == CF_FAULT_NONE, "a missed answer changes nothing yet");

	for (s = 0; s < 2000; s += 0.7) {
		cf_clock_look(&memory, plain(s), false);
		view = cf_clock_at(&memory, limits, plain(s));
		grows = grows && view.has_bound && (s == 0 || view.bound.ns > before.bound.ns);
		forward = forward && view.state >= before.state;
		before = view;
	}
	ok(grows, "without news the bound grows with every look");
	ok(forward, "and the state goes from synchronised over holdover to unsynchronised");

	view = cf_clock_at(&memory, limits, plain(5));
	ok(view.state == CF_CLOCK_SYNCHRONISED, "a reading is news for 5 s");
	view = cf_clock_at(&memory, limits, plain(5.1));
	ok(view.state == CF_CLOCK_HOLDOVER && view.fault == CF_FAULT_SILENT, "then holdover begins");
	ok(view.growth_ppm == 50, "at 50 ppm");
	view = cf_clock_at(&memory, limits, plain(1800));
	ok(view.state == CF_CLOCK_HOLDOVER && view.bound.ns == 322650 + 90 * CF_MS + 1, "for 30 min and 90 ms");
	view = cf_clock_at(&memory, limits, plain(1800.1));
	ok(view.state == CF_CLOCK_UNSYNCHRONISED && view.has_bound, "and no longer; the bound still grows");
}

static void test_restart(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0));
	struct cf_clock_view view;

	cf_clock_read(&memory, limits, &r);
	r = reading_of(&rows[8], plain(3));
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, plain(3));
	ok(view.state == CF_CLOCK_HOLDOVER && view.fault == CF_FAULT_LEAP, "a chronyd just restarted does not end holdover");
	r = reading_of(&rows[9], plain(1801));
	cf_clock_read(&memory, limits, &r);
	ok(cf_clock_at(&memory, limits, plain(1801)).state == CF_CLOCK_UNSYNCHRONISED, "and does not prolong it");
	r = healthy(plain(1802));
	r.tracking.correction = S(0.08);
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, plain(1802));
	ok(view.state == CF_CLOCK_SYNCHRONISED, "a good reading ends it, though the clock had drifted by 80 ms");

	memory = (struct cf_clock_memory){ 0 };
	r = healthy(plain(0));
	r.tracking.frequency_error_ppm = 200;
	cf_clock_read(&memory, limits, &r);
	ok(cf_clock_at(&memory, limits, plain(60)).growth_ppm == 201, "a frequency known to 200 ppm is no better in holdover");
}

static void test_step(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0)), first = r;
	struct cf_clock_view view;
	cf_span two = S(2);

	ok(!cf_clock_look(&memory, plain(0), true), "the first look has nothing to compare with");
	ok(!cf_clock_stepped_since(&memory, (cf_mono){ 0 }), "... and there was no step yet");
	cf_clock_read(&memory, limits, &r);
	ok(!cf_clock_look(&memory, at(0.001, US(900)), false), "two looks in quick succession may be a little wrong");
	ok(!cf_clock_look(&memory, at(1, US(83000)), false), "a slew at full speed is no step");
	ok(cf_clock_look(&memory, at(2, two), false), "a jump of 2 s is");
	view = cf_clock_at(&memory, limits, at(2, two));
	ok(view.state == CF_CLOCK_UNSYNCHRONISED && view.fault == CF_FAULT_STEPPED && view.stepped && !view.has_bound,
	   "after it the clock is unsynchronised, without a bound, and without holdover");

	r = healthy(at(2.2, two));
	r.tracking.reference_time = first.tracking.reference_time;
	cf_clock_read(&memory, limits, &r);
	ok(cf_clock_at(&memory, limits, at(2.2, two)).fault == CF_FAULT_STEPPED, "a chronyd that did not notice changes nothing");

	r = healthy(at(4, two));
	r.tracking.correction = S(-2);
	r.tracking.reference_time = cf_real_add(plain(4).real, S(-0.5));
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, at(4, two));
	ok(view.state == CF_CLOCK_SYNCHRONISED && view.bound.ns > 2 * CF_S, "an update since gives a bound again: 2 s");
	ok(view.stepped, "the step is remembered while the correction is above the limit");

	cf_clock_look(&memory, at(4, two), false);
	cf_clock_look(&memory, at(40, US(20000)), false);
	r = healthy(at(40, US(20000)));
	r.tracking.correction = US(-20000);
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, at(40, US(20000)));
	ok(view.state == CF_CLOCK_SYNCHRONISED && !view.stepped, "slewed back below 25 ms it is forgotten");
	ok(cf_clock_stepped_since(&memory, plain(1).raw) && !cf_clock_stepped_since(&memory, plain(3).raw),
	   "... but for who was measuring meanwhile");

	ok(!cf_clock_look(&memory, at(41, US(20300)), true), "told that the clock was set, though it did not move: TAI");
	ok(cf_clock_look(&memory, at(42, US(24000)), true), "told so, and it moved by 3.7 ms: a step");
}

/* chronyd's first updates after a step, made of what it measured before: as a real one had them. */
static void test_step_and_old_samples(void)
{
	static const double says[] = { -0.0005, -0.0006, -0.78, -1.8, -2.04 };
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0));
	struct cf_clock_view view;
	cf_span two = S(2);
	bool denied = true;

	cf_clock_read(&memory, limits, &r);
	cf_clock_look(&memory, plain(1), false);
	cf_clock_look(&memory, at(1.1, two), false);
	for (size_t i = 0; i < CF_COUNT(says); i++) {
		double s = 4 + (double)i;

		r = healthy(at(s, two));
		r.tracking.correction = S(says[i]);
		r.tracking.reference_time = cf_real_add(plain(s).real, S(2 + says[i] - 0.5));
		cf_clock_read(&memory, limits, &r);
		view = cf_clock_at(&memory, limits, at(s, two));
		denied = denied && view.state == CF_CLOCK_UNSYNCHRONISED && view.fault == CF_FAULT_STEPPED && !view.has_bound;
	}
	ok(denied, "updates that know nothing of the step, or half of it, do not confirm it, even where two agree");
	r = healthy(at(10, two));
	r.tracking.correction = S(-2);
	r.tracking.reference_time = plain(9.9).real;
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, at(10, two));
	ok(view.state == CF_CLOCK_SYNCHRONISED && view.stepped && view.bound.ns > 2 * CF_S, "one that knows of it does");

	cf_clock_look(&memory, at(10, two), false);
	cf_clock_look(&memory, plain(10.1), false);
	r = healthy(plain(13));
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, plain(13));
	ok(view.state == CF_CLOCK_SYNCHRONISED && !view.stepped, "set right by as much as it was wrong: one is enough");

	cf_clock_look(&memory, plain(13), false);
	cf_clock_look(&memory, at(13.1, two), false);
	for (int i = 0; i < 8; i++) {
		denied = i == 0 || (denied && view.fault == CF_FAULT_STEPPED);
		for (int twice = 0; twice < 2; twice++) {
			r = healthy(at(20 + i + 0.1 * twice, two));
			r.tracking.reference_time = cf_real_add(plain(20 + i).real, S(2 - 0.5));
			cf_clock_read(&memory, limits, &r);
			view = cf_clock_at(&memory, limits, at(20 + i + 0.1 * twice, two));
		}
	}
	ok(denied, "seven that deny a step are not believed, however often they are read");
	ok(view.state == CF_CLOCK_SYNCHRONISED && !view.stepped, "eight are: the clock was set right, and what was known of it was wrong");
}

/* chronyd has let go of what it measured before the step: it need not be outweighed. */
static void test_step_and_new_samples(void)
{
	static const struct { const char *name; bool lost_before, lost_after, interval; enum cf_clock_state state; } cases[] = {
		{ "resumed from suspend, which chronyd notices: its first update is believed", false, true, false, CF_CLOCK_SYNCHRONISED },
		{ "... not a later one, which may be made of anything", false, true, true, CF_CLOCK_UNSYNCHRONISED },
		{ "nor the first one of a chronyd that had begun before the step", true, true, false, CF_CLOCK_UNSYNCHRONISED },
		{ "nor any of one that did not notice", false, false, true, CF_CLOCK_UNSYNCHRONISED },
	};
	cf_span hour = S(3600);

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		struct cf_clock_memory memory = { 0 };
		struct cf_tracking_reading r = healthy(plain(0));

		cf_clock_read(&memory, limits, &r);
		r = reading_of(&rows[8], plain(1));
		if (cases[i].lost_before)
			cf_clock_read(&memory, limits, &r);
		cf_clock_look(&memory, plain(1), false);
		cf_clock_look(&memory, at(1.1, hour), true);
		r = reading_of(&rows[8], at(1.2, hour));
		if (cases[i].lost_after)
			cf_clock_read(&memory, limits, &r);
		r = healthy(at(60, hour));
		r.tracking.has_update_interval = cases[i].interval;
		cf_clock_read(&memory, limits, &r);
		ok(cf_clock_at(&memory, limits, r.at).state == cases[i].state, "%s: %s", cases[i].name, word(cases[i].state));
	}
}

/* Whoever makes it and how, and whether or not anybody has yet. */
static void test_leap(void)
{
	static const struct {
		const char *name;
		enum cf_leap leap;
		double at_s;			/* after midnight */
		cf_span moved, correction;
		enum cf_clock_state state;
	} cases[] = {
		{ "a second that the kernel inserted", CF_LEAP_INSERT, 0, { -CF_S }, { 0 }, CF_CLOCK_SYNCHRONISED },
		{ "one that it deleted", CF_LEAP_DELETE, 0, { CF_S }, { 0 }, CF_CLOCK_SYNCHRONISED },
		{ "one that it inserted, and should not have", CF_LEAP_INSERT, 0, { -CF_S }, { CF_S }, CF_CLOCK_SYNCHRONISED },
		{ "one that chronyd is to slew", CF_LEAP_INSERT, 0, { 0 }, { -CF_S }, CF_CLOCK_SYNCHRONISED },
		{ "one of which nobody has heard", CF_LEAP_INSERT, 0, { 0 }, { 0 }, CF_CLOCK_SYNCHRONISED },
		{ "a step that it does not explain", CF_LEAP_INSERT, 0, { CF_S }, { 0 }, CF_CLOCK_UNSYNCHRONISED },
		{ "the same step, where none was announced", CF_LEAP_NORMAL, 0, { -CF_S }, { 0 }, CF_CLOCK_UNSYNCHRONISED },
		{ "the same step, and not at midnight", CF_LEAP_INSERT, -300, { -CF_S }, { 0 }, CF_CLOCK_UNSYNCHRONISED },
		{ "a correction that chronyd never explained", CF_LEAP_NORMAL, 0, { 0 }, { -CF_S }, CF_CLOCK_UNTRUSTED },
	};
	double midnight = (double)((CF_DAY - epoch.ns % CF_DAY) / CF_S);

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		double s = midnight + cases[i].at_s;
		struct cf_clock_memory memory = { 0 };
		struct cf_tracking_reading r = healthy(plain(s - 2));

		r.tracking.leap = cases[i].leap;
		cf_clock_read(&memory, limits, &r);
		cf_clock_look(&memory, plain(s - 1), false);
		cf_clock_look(&memory, at(s + 1, cases[i].moved), false);
		r = healthy(at(s + 20, cases[i].moved));
		r.tracking.correction = cases[i].correction;
		cf_clock_read(&memory, limits, &r);
		ok(cf_clock_at(&memory, limits, r.at).state == cases[i].state, "%s: %s", cases[i].name, word(cases[i].state));
	}
}

/* An update that chronyd accepted shortly before the step, told of or not, says nothing of the clock after it. */
static void test_step_and_update(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0)), first = r;
	cf_span back = S(-2), two = S(2);

	cf_clock_read(&memory, limits, &r);
	cf_clock_look(&memory, plain(1), false);
	cf_clock_look(&memory, at(1.01, back), false);
	r = healthy(at(1.2, back));
	r.tracking.reference_time = first.tracking.reference_time;
	cf_clock_read(&memory, limits, &r);
	ok(cf_clock_at(&memory, limits, at(1.2, back)).fault == CF_FAULT_STEPPED,
	   "set back, an update from before the step does not look like one from after it");

	memory = (struct cf_clock_memory){ 0 };
	cf_clock_read(&memory, limits, &first);
	cf_clock_look(&memory, plain(1), false);
	cf_clock_look(&memory, at(1.01, two), false);
	r = healthy(at(1.2, two));
	r.tracking.reference_time = plain(0.9).real;
	cf_clock_read(&memory, limits, &r);
	ok(cf_clock_at(&memory, limits, at(1.2, two)).fault == CF_FAULT_STEPPED,
	   "set forward, neither does one of which we hear only afterwards");
}

static void test_movement(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0)), last;
	struct cf_clock_view view;

	r.tracking.correction = S(0.01);
	cf_clock_read(&memory, limits, &r);
	cf_clock_look(&memory, plain(0), false);
	view = cf_clock_at(&memory, limits, at(1, US(10000)));
	ok(view.bound.ns < 11 * CF_MS, "a slew that takes the correction away widens nothing");
	view = cf_clock_at(&memory, limits, at(1, US(60000)));
	ok(view.bound.ns > 50 * CF_MS, "one that goes on beyond it does: chronyd was killed in the middle of it");
	cf_clock_look(&memory, at(1, US(60000)), false);
	view = cf_clock_at(&memory, limits, at(2, US(10000)));
	ok(view.bound.ns > 50 * CF_MS, "and what was seen once is not forgotten");

	last = healthy(at(1, US(30000)));
	last.tracking.reference_time = r.tracking.reference_time;
	cf_clock_read(&memory, limits, &last);
	view = cf_clock_at(&memory, limits, at(1, US(30000)));
	ok(view.state == CF_CLOCK_UNTRUSTED && view.fault == CF_FAULT_MOVED && !view.has_bound,
	   "a clock that moved by 30 ms of which chronyd knows 10: untrusted");
	last.at = at(2, US(30000));
	cf_clock_read(&memory, limits, &last);
	ok(cf_clock_at(&memory, limits, last.at).state == CF_CLOCK_UNTRUSTED, "until chronyd has measured again");
	last = healthy(at(3, US(30000)));
	cf_clock_read(&memory, limits, &last);
	ok(cf_clock_at(&memory, limits, last.at).state == CF_CLOCK_SYNCHRONISED, "then it is settled");

	last = healthy(at(4, US(30000)));
	last.tracking.correction = S(0.3);
	cf_clock_read(&memory, limits, &last);
	ok(cf_clock_at(&memory, limits, last.at).state == CF_CLOCK_UNTRUSTED,
	   "an update that moves the truth by 300 ms against two bounds of 0.3 ms: untrusted");
}

/* What two readings may differ by, and still both be true. */
static void test_agreement(void)
{
	static const struct {
		const char *name;
		double after_s;
		cf_span moved, correction, took, dispersion;
		bool updated;
		enum cf_clock_state state;
	} cases[] = {
		{ "a minute of somebody else's steering at 400 ppm, under -x", 60, { 24 * CF_MS }, { 0 }, { 0 }, { 0 }, false,
		  CF_CLOCK_SYNCHRONISED },
		{ "a minute at 600 ppm", 60, { 36 * CF_MS }, { 0 }, { 0 }, { 0 }, false, CF_CLOCK_UNTRUSTED },
		{ "a slew of 80 ms seen half a second late", 1, { 80 * CF_MS }, { -40 * CF_MS }, { 500 * CF_MS }, { 0 }, false,
		  CF_CLOCK_SYNCHRONISED },
		{ "the same seen at once", 1, { 80 * CF_MS }, { -40 * CF_MS }, { 0 }, { 0 }, false, CF_CLOCK_UNTRUSTED },
		{ "30 ms that an update found, known to 20 ms", 1, { 0 }, { 30 * CF_MS }, { 0 }, { 20 * CF_MS }, true,
		  CF_CLOCK_SYNCHRONISED },
		{ "the same without an update", 1, { 0 }, { 30 * CF_MS }, { 0 }, { 20 * CF_MS }, false, CF_CLOCK_UNTRUSTED },
		{ "50 ms that an update found", 1, { 0 }, { 50 * CF_MS }, { 0 }, { 20 * CF_MS }, true, CF_CLOCK_UNTRUSTED },
	};

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		struct cf_clock_memory memory = { 0 };
		struct cf_tracking_reading a = healthy(plain(0)), b = healthy(at(cases[i].after_s, cases[i].moved));

		a.tracking.root_dispersion = b.tracking.root_dispersion = cases[i].dispersion;
		a.tracking.poll_interval = b.tracking.poll_interval = S(64);
		a.took = b.took = cases[i].took;
		b.tracking.correction = cases[i].correction;
		if (!cases[i].updated)
			b.tracking.reference_time = a.tracking.reference_time;
		cf_clock_read(&memory, limits, &a);
		cf_clock_read(&memory, limits, &b);
		ok(cf_clock_at(&memory, limits, b.at).state == cases[i].state, "%s: %s", cases[i].name, word(cases[i].state));
	}
}

/* chronyd steers a clock that gains 80 ppm by nature; RAW gains, REALTIME does not. */
static void test_frequency(void)
{
	struct cf_clock_memory memory = { 0 };
	struct cf_tracking_reading r = healthy(plain(0));
	struct cf_clock_view view;

	r.tracking.frequency_ppm = 80;
	cf_clock_read(&memory, limits, &r);
	view = cf_clock_at(&memory, limits, at(1000, US(-80000)));
	ok(view.bound.ns < 51 * CF_MS, "the frequency chronyd found is no movement of the clock");
	view = cf_clock_at(&memory, limits, plain(1000));
	ok(view.bound.ns > 130 * CF_MS, "one that the clock no longer follows is");
}

static void test_kernel(void)
{
	struct cf_instant a = kernel_instant(), b = kernel_instant();
	struct kernel_clock clock;
	struct cf_error err;
	char boot[CF_UUID_ROOM], source[32];
	int fd;

	ok(b.raw.ns > a.raw.ns && a.width.ns >= 0, "RAW goes forward");
	ok(cf_span_abs(cf_span_sub(cf_instant_difference(a), cf_instant_difference(b))).ns <
	   a.width.ns + b.width.ns + CF_US + cf_span_ppm(cf_mono_since(b.raw, a.raw), 1e5).ns,
	   "two instants agree on REALTIME - RAW within their widths");
	ok(kernel_clock_read(&clock, &err) == 0 && clock.max_error.ns >= 0, "adjtimex can be read");
	ok(!clock.has_tai_s || clock.tai_s != 0, "an unknown TAI offset is absent");
	ok(kernel_boot_id(boot, &err) == 0 && strlen(boot) == 36, "the boot has an id");
	ok(kernel_clocksource(source, sizeof(source), &err) == 0 && *source, "the clocksource is %s", source);
	ok(kernel_clocksource(source, 2, &err) < 0, "a name that does not fit is an error");
	ok(kernel_midnight((cf_real){ 0 }).ns == CF_DAY && kernel_midnight((cf_real){ CF_DAY - 1 }).ns == CF_DAY &&
	   kernel_midnight((cf_real){ CF_DAY }).ns == 2 * CF_DAY, "midnight is the end of the day");
	ok(kernel_steps_open(&fd, &err) == 0 && !kernel_steps_seen(fd), "nobody set the clock just now");
}

int main(void)
{
	test_rows();
	test_limits();
	test_ageing();
	test_restart();
	test_step();
	test_step_and_old_samples();
	test_step_and_new_samples();
	test_step_and_update();
	test_leap();
	test_movement();
	test_agreement();
	test_frequency();
	test_kernel();
	return done();
}
