/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a chronyd's words are worth, and for how long. */

#include "tests/clock-made.h"
#include "tests/tap.h"

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
	r = never_synced(plain(3));
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

int main(void)
{
	test_rows();
	test_limits();
	test_ageing();
	test_restart();
	return done();
}
