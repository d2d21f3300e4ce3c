/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The offset between two hosts: what a round proves, and what not.  sim-offset proves it by numbers. */
#include <errno.h>
#include <string.h>

#include "policy/offset.h"
#include "tests/sim.h"
#include "tests/tap.h"

/* A reply at t2 .. t3 whose REALTIME is a day ahead of its RAW. */
static struct cf_round round_of(int64_t t1, int64_t t2, int64_t t3, int64_t t4)
{
	int64_t middle = t2 / 2 + t3 / 2;

	return (struct cf_round){
		.t1 = { t1 }, .t2 = { t2 }, .t3 = { t3 }, .t4 = { t4 },
		.there = { .raw = { middle }, .real = { cf_ns_add(middle, CF_DAY) }, .width = { 0 } },
	};
}

static bool is(struct cf_interval i, int64_t low, int64_t high)
{
	return i.low.ns == low && i.high.ns == high;
}

static struct cf_offset offset_of(struct cf_round round)
{
	struct cf_offset offset = { 0 };

	cf_offset_add(&offset, &round);
	return offset;
}

/* 100 us there, 20 us at work, 80 us back; the other RAW is 1 s ahead. */
static struct cf_round plain(int64_t t1)
{
	return round_of(t1, t1 + CF_S + 100 * CF_US, t1 + CF_S + 120 * CF_US, t1 + 200 * CF_US);
}

static void one_round(void)
{
	struct cf_offset offset = { 0 };
	struct cf_round round = plain(5 * CF_S);
	struct cf_interval raw;

	ok(is(cf_offset_raw(&offset, (cf_mono){ 7 }), INT64_MIN, INT64_MAX),
	   "before the first round the offset may be anything");
	ok(is(cf_offset_real(&offset, (struct cf_instant){ 0 }, 0), INT64_MIN, INT64_MAX),
	   "... and so may the host offset");
	ok(cf_offset_add(&offset, &round) == 0 && offset.rounds == 1, "a round is accepted");
	raw = cf_offset_raw(&offset, round.t4);
	ok(raw.low.ns == CF_S - 80 * CF_US - 2 && raw.high.ns > CF_S + 100 * CF_US &&
	   raw.high.ns < CF_S + 100 * CF_US + 110,
	   "it proves t3 - t4 .. t2 - t1, and what drifts in its 200 us");
	raw = cf_offset_raw(&offset, cf_mono_add(round.t4, (cf_span){ CF_S }));
	ok(raw.low.ns < CF_S - 580 * CF_US && raw.low.ns > CF_S - 581 * CF_US,
	   "a second later 500 us less is certain");
	raw = cf_offset_raw(&offset, cf_mono_add(round.t4, (cf_span){ -CF_S }));
	ok(raw.high.ns > CF_S + 600 * CF_US && raw.high.ns < CF_S + 601 * CF_US,
	   "... and a second earlier as well");
	offset.drift_ppm = 10;
	raw = cf_offset_raw(&offset, cf_mono_add(round.t4, (cf_span){ CF_S }));
	ok(raw.low.ns < CF_S - 90 * CF_US && raw.low.ns > CF_S - 91 * CF_US,
	   "a pair known to drift by 10 ppm loses 10 us");
}

static const struct {
	const char *why;
	int64_t t1, t2, t3, t4, there, width;
} contradictory[] = {
	{ "a reply before its question",                1000, 5000, 5100,  900, 5050,   10 },
	{ "a reply handed over before it was received", 1000, 5000, 4900, 2000, 4950,   10 },
	{ "more time there than here",                  1000, 5000, 6010, 2000, 5500,   10 },
	{ "clocks read before the request came",        1000, 5000, 5100, 2000, 4999,   10 },
	{ "clocks read after the reply went",           1000, 5000, 5100, 2000, 5101,   10 },
	{ "a bracket that runs backwards",              1000, 5000, 5100, 2000, 5050,   -1 },
	{ "a RAW before its boot",                      1000, -100, 5100, 2000, 5050,   10 },
	{ "a question before our boot",                 -100, 5000, 5100, 2000, 5050,   10 },
};

static void contradictions(void)
{
	struct cf_round at_boot = { 0 };
	struct cf_offset none = { 0 };

	ok(cf_offset_add(&none, &at_boot) == 0, "a round in no time at the moment of both boots is a round");
	for (size_t i = 0; i < CF_COUNT(contradictory); i++) {
		struct cf_round round = round_of(contradictory[i].t1, contradictory[i].t2,
						 contradictory[i].t3,
						 contradictory[i].t4);
		struct cf_offset offset = offset_of(plain(1000)), before = offset;

		round.there.raw.ns = contradictory[i].there;
		round.there.width.ns = contradictory[i].width;
		ok(cf_offset_add(&offset, &round) == -ERANGE, "refused: %s", contradictory[i].why);
		ok(memcmp(&offset, &before, sizeof(offset)) == 0, "... and nothing is changed by it");
	}
}

static void together(void)
{
	struct cf_round first = plain(CF_S), better = first, jumped = first, late;
	struct cf_offset offset = offset_of(first), reverse;
	struct cf_interval before, after;

	better.t1.ns += 90 * CF_US + CF_MS;
	better.t2.ns += CF_MS;
	better.t3.ns += CF_MS;
	better.there.raw.ns += CF_MS;
	better.t4.ns += CF_MS - 70 * CF_US;
	before = cf_offset_raw(&offset, better.t4);
	ok(cf_offset_add(&offset, &better) == 0 && offset.rounds == 2, "a second round joins the first");
	after = cf_offset_raw(&offset, better.t4);
	ok(cf_interval_width(after).ns < 21 * CF_US && cf_interval_width(before).ns > 180 * CF_US,
	   "one lucky round is worth more than many slow ones");
	ok(offset.there_at.ns == better.t4.ns && offset.there.raw.ns == better.there.raw.ns,
	   "the newest reading is kept");

	reverse = offset_of(better);
	ok(cf_offset_add(&reverse, &first) == 0 && reverse.there_at.ns == better.t4.ns,
	   "an older round that comes later does not replace it");
	late = plain(60 * CF_S);
	cf_offset_add(&offset, &late);
	cf_offset_add(&reverse, &late);
	ok(is(offset.raw, reverse.raw.low.ns, reverse.raw.high.ns), "... and teaches the same");

	jumped.t2.ns += CF_S;
	jumped.t3.ns += CF_S;
	jumped.there.raw.ns += CF_S;
	ok(cf_offset_add(&offset, &jumped) == -ESTALE, "a RAW that jumped is noticed");
	ok(offset.rounds == 1 && is(offset.raw, 2 * CF_S - 80 * CF_US - 1, offset.raw.high.ns) &&
	   offset.there.raw.ns == jumped.there.raw.ns && offset.at.ns == jumped.t4.ns,
	   "... and the offset starts anew with it");
}

/* Two oscillators that drift apart by `ppm`, looked at every `every` for `time`. */
static struct cf_offset watched(int64_t ppm, int64_t every, int64_t time)
{
	struct cf_offset offset = { 0 };

	for (int64_t t = CF_S; t <= CF_S + time; t += every) {
		struct cf_round round = plain(t);
		int64_t apart = t / 1000000 * ppm;

		round.t2.ns += apart;
		round.t3.ns += apart;
		round.there.raw.ns += apart;
		cf_offset_add(&offset, &round);
	}
	return offset;
}

static bool about(double value, double wanted, double tolerance)
{
	return value >= wanted - tolerance && value <= wanted + tolerance;
}

static void drift(void)
{
	const double most = CF_RAW_DRIFT_PPM, wander = CF_RAW_WANDER_PPM;
	struct cf_offset offset = { 0 }, before;
	struct cf_round round;

	ok(cf_offset_drift(&offset) == most, "a pair that was never seen may drift by 500 ppm");
	offset = watched(0, CF_S, 9 * CF_S);
	ok(cf_offset_drift(&offset) == most, "... and one seen for 9 s as well");
	offset = watched(0, CF_S, 10 * CF_S);
	ok(about(cf_offset_drift(&offset), wander + 180 / 10., 3),
	   "after 10 s it drifts by no more than its two intervals' widths let it, and what it may wander");
	offset = watched(0, 10 * CF_S, 600 * CF_S);
	ok(about(cf_offset_drift(&offset), wander, 1), "after 10 min by little more than it may wander");
	offset = watched(100, 10 * CF_S, 600 * CF_S);
	ok(about(cf_offset_drift(&offset), wander + 100, 1), "what it has drifted it may drift on");
	before = watched(-100, 10 * CF_S, 600 * CF_S);
	ok(about(cf_offset_drift(&before), wander + 100, 1), "... in either direction");
	offset = watched(490, 10 * CF_S, 600 * CF_S);
	ok(cf_offset_drift(&offset) == most, "it never drifts by more than it may");
	offset.drift_ppm = 60;
	ok(cf_offset_drift(&offset) == 60, "... whatever the setting says that is");

	offset = watched(100, 10 * CF_S, 3 * 3600 * CF_S);
	ok(cf_mono_since(offset.at, offset.shown[0].at).ns >= CF_SHOWN_ANEW.ns &&
	   cf_mono_since(offset.at, offset.shown[0].at).ns <= 2 * CF_SHOWN_ANEW.ns + 10 * CF_S,
	   "what is remembered is a quarter to half of an hour old");
	before = offset;
	round = plain(offset.at.ns + 30 * CF_S);
	round.t2.ns += CF_S;
	round.t3.ns += CF_S;
	round.there.raw.ns += CF_S;
	ok(cf_offset_add(&offset, &round) == -ESTALE && cf_offset_drift(&offset) == most,
	   "a RAW that jumped is not known any more");
	ok(about(cf_offset_drift(&before), wander + 100, 1), "... and was until then");
}

/* Which of the two is faster, and by how much. */
static void rates(void)
{
	static const int64_t ppms[] = { -100, -30, 0, 30, 100 };
	struct cf_rate rate = { 77, 77 };
	struct cf_offset offset = { 0 };

	ok(!cf_offset_rate(&offset, &rate), "of a pair that was never seen no rate is known");
	offset = watched(30, CF_S, 9 * CF_S);
	ok(!cf_offset_rate(&offset, &rate) && rate.ppm == 77, "... nor of one seen for 9 s");
	for (size_t i = 0; i < CF_COUNT(ppms); i++) {
		offset = watched(ppms[i], 10 * CF_S, 600 * CF_S);
		ok(cf_offset_rate(&offset, &rate) && about(rate.ppm, (double)ppms[i], 1) && about(rate.bound_ppm, CF_RAW_WANDER_PPM, 1),
		   "one that gains %+lld ppm does so by %+.1f ppm +- %.1f", (long long)ppms[i], rate.ppm, rate.bound_ppm);
	}
	offset.drift_ppm = CF_RAW_WANDER_PPM;
	ok(!cf_offset_rate(&offset, &rate), "where the setting says no less it has shown nothing");
}

/* REALTIME there runs `ppm` faster than RAW. */
static struct cf_offset steered(int64_t ppm)
{
	struct cf_offset offset = { 0 };

	for (int64_t t = CF_S; t <= 61 * CF_S; t += 10 * CF_S) {
		struct cf_round round = plain(t);

		round.there.real.ns += t / 1000000 * ppm;
		cf_offset_add(&offset, &round);
	}
	return offset;
}

static void slew(void)
{
	struct cf_report report = { .has_tracking = true };
	struct cf_offset none = { 0 }, free = steered(0), fast = steered(-30), fastest = steered(900);
	cf_mono now = cf_mono_add(free.there_at, (cf_span){ CF_S });

	ok(cf_slew_since(&free, NULL, now) == CF_SLEW_PPM,
	   "without a report a clock may be slewed as fast as can be");
	ok(cf_slew_since(&free, &report, free.there_at) == CF_SLEW_PPM, "... and within no time");
	ok(cf_slew_since(&none, &report, (cf_mono){ CF_S }) == 500,
	   "of a clock never seen the kernel's frequency is assumed");
	ok(about(cf_slew_since(&free, &report, now), CF_RAW_WANDER_PPM, 1), "a free one is steered by little");
	ok(about(cf_slew_since(&fast, &report, now), CF_RAW_WANDER_PPM + 30, 1), "one that is steered goes on so");
	ok(cf_slew_since(&fastest, &report, now) == 500, "... as far as the kernel can");
	report.tracking.correction.ns = -200 * CF_US;
	report.tracking.rms_offset.ns = 25 * CF_US;
	ok(about(cf_slew_since(&free, &report, now), CF_RAW_WANDER_PPM + 300, 1),
	   "what chronyd had left to correct, and usually finds, comes on top");
	report.tracking.rms_offset.ns = INT64_MIN;
	ok(cf_slew_since(&free, &report, now) == CF_SLEW_PPM, "an absurd report says nothing");
}

static void host_offset(void)
{
	struct cf_offset offset = offset_of(plain(CF_S));
	struct cf_instant here = { { CF_S + 250 * CF_US }, { 90 * CF_S }, { 100 } };
	int64_t truth = here.raw.ns + CF_S + CF_DAY - here.real.ns;
	struct cf_interval steady, slewed, later, between;

	steady = cf_offset_real(&offset, here, 0);
	ok(steady.low.ns > truth - 81 * CF_US && steady.low.ns <= truth - 80 * CF_US &&
	   steady.high.ns >= truth + 100 * CF_US &&
	   steady.high.ns < truth + 101 * CF_US, "the host offset is the RAW offset and both differences");
	slewed = cf_offset_real(&offset, here, CF_SLEW_PPM);
	ok(steady.low.ns - slewed.low.ns > 20 * CF_US && steady.low.ns - slewed.low.ns < 30 * CF_US,
	   "a slew since the other's reading widens it by what it may have moved");
	here.raw.ns += CF_S;
	here.real.ns += CF_S;
	later = cf_offset_real(&offset, here, CF_SLEW_PPM);
	ok(cf_interval_half(later).ns > 84 * CF_MS, "... by 84 ms a second");
	ok(is(cf_offset_real(&offset, here, -1), later.low.ns, later.high.ns),
	   "an absurd slew rate is taken for the worst");

	here.raw.ns -= 2 * CF_S;
	here.real.ns -= 2 * CF_S;
	later = cf_offset_real(&offset, here, CF_SLEW_PPM);
	ok(cf_interval_half(later).ns > 84 * CF_MS, "... forwards and backwards");

	between = cf_offset_real_between((struct cf_interval){ { 10 }, { 20 } },
					 (struct cf_instant){ { 1000 }, { 5000 }, { 10 } },
					 (struct cf_instant){ { 2000 }, { 9000 }, { 21 } });
	ok(is(between, 3010 - 20, 3020 + 20), "between two known readings only their widths count");
}

/* Any numbers at all: no trap, and low <= high. */
static void absurd(void)
{
	struct sim sim = { .random = 7 };
	int64_t upside_down = 0, accepted = 0;
	int64_t v[9];

	for (int i = 0; i < 200000; i++) {
		struct cf_offset offset = offset_of(plain(CF_S));
		struct cf_round round;
		struct cf_interval raw, real;

		for (size_t k = 0; k < CF_COUNT(v); k++)
			v[k] = sim_absurd(&sim);
		round = (struct cf_round){ .t1 = { v[0] }, .t2 = { v[1] }, .t3 = { v[2] }, .t4 = { v[3] },
					   .there = { { v[4] }, { v[5] }, { v[6] } } };
		accepted += cf_offset_add(&offset, &round) != -ERANGE;
		raw = cf_offset_raw(&offset, (cf_mono){ v[7] });
		real = cf_offset_real(&offset, (struct cf_instant){ { v[7] }, { v[8] }, { v[0] } }, 84000);
		upside_down += raw.low.ns > raw.high.ns || real.low.ns > real.high.ns;
	}
	ok(accepted > 0 && upside_down == 0,
	   "whatever a peer says, low stays below high (%lld absurd rounds accepted)",
	   (long long)accepted);
}

/* One more round never makes the offset less certain, unless it starts anew. */
static void never_wider(void)
{
	struct sim sim = sim_begin(11);
	struct cf_offset offset = { .wander_ppm = CF_RAW_DRIFT_PPM };
	int64_t wider = 0, before;

	for (int i = 0; i < 20000; i++) {
		struct cf_round round = sim_round(&sim, 50 * CF_US, 50 * CF_US);

		before = cf_interval_width(cf_offset_raw(&offset, round.t4)).ns;
		wider += cf_offset_add(&offset, &round) != 0;
		wider += cf_interval_width(cf_offset_raw(&offset, round.t4)).ns - 2 > before;
		sim_advance(&sim, sim_delay(&sim, CF_MS));
	}
	ok(wider == 0, "a further round never makes the offset less certain");
}

int main(void)
{
	one_round();
	contradictions();
	together();
	drift();
	rates();
	slew();
	host_offset();
	absurd();
	never_wider();

	return done();
}
