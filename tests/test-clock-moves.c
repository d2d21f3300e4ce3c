/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of a clock when it moves: stepped, slewed, and by a leap second. */

#include "tests/clock-made.h"
#include "tests/tap.h"

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
		r = never_synced(plain(1));
		if (cases[i].lost_before)
			cf_clock_read(&memory, limits, &r);
		cf_clock_look(&memory, plain(1), false);
		cf_clock_look(&memory, at(1.1, hour), true);
		r = never_synced(at(1.2, hour));
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

int main(void)
{
	test_step();
	test_step_and_old_samples();
	test_step_and_new_samples();
	test_step_and_update();
	test_leap();
	test_movement();
	test_agreement();
	test_frequency();
	return done();
}
