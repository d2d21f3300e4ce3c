/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The blackout from QEMU's stamps: cases, and migrations between simulated hosts with wrong wall clocks. */
#include <stdlib.h>

#include "policy/blackout.h"
#include "proto/base.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define MIGRATIONS 20000

static const struct {
	const char *why;
	int64_t ago;		/* how long before handling REALTIME was the stamp */
	bool good;
} stamps[] = {
	{ "an event handled at once",               0,                true },
	{ "an event handled 300 us later",          300 * CF_US,      true },
	{ "an event handled 10 s later",            10 * CF_S,        true },
	{ "an event from the future",               -1,               false },
	{ "an event 2 s in the future",             -2 * CF_S,        false },
	{ "an event of which nobody heard for 11 s", 11 * CF_S,       false },
	{ "an event of another epoch",              INT64_C(1795000000) * CF_S, false },
};

static void stamp_cases(void)
{
	struct cf_instant handled = { { 50 * CF_S }, { INT64_C(1795000000) * CF_S }, { 200 } };

	for (size_t i = 0; i < CF_COUNT(stamps); i++) {
		struct cf_instant ret = { { 1 }, { 2 }, { 3 } };
		bool good = cf_stamp_raw(cf_real_add(handled.real, (cf_span){ -stamps[i].ago }), handled,
					 1000, &ret);
		int64_t off = ret.raw.ns - (handled.raw.ns - stamps[i].ago);

		ok(good == stamps[i].good, "%s is %sused", stamps[i].why, stamps[i].good ? "" : "not ");
		ok(good ? off >= -ret.width.ns / 2 - 1 && off <= ret.width.ns / 2 + 1 : ret.raw.ns == 1 &&
		   ret.width.ns == 3,
		   "... and %s", good ? "lies where it should" : "nothing is touched");
		ok(!good || ret.width.ns < 2 * CF_US + stamps[i].ago / 490,
		   "... no wider than 1000 ppm and its microsecond");
	}
}

static struct cf_instant at(int64_t raw)
{
	return (struct cf_instant){ .raw = { raw } };
}

static void blackout_cases(void)
{
	struct cf_interval raw = { { CF_S - 100 }, { CF_S + 100 } }, ret = { { 1 }, { 2 } };

	ok(cf_blackout(at(5 * CF_S), (cf_span){ 0 }, at(6 * CF_S + 300 * CF_MS), (cf_span){ 0 }, raw, &ret) &&
	   cf_interval_has(ret, (cf_span){ 300 * CF_MS - 100 }) &&
	   cf_interval_has(ret, (cf_span){ 300 * CF_MS + 100 }) &&
	   cf_interval_width(ret).ns < 160 * CF_US,
	   "300 ms are 300 ms, whatever the two clocks say");
	cf_blackout(at(5 * CF_S), (cf_span){ 3 * CF_MS }, at(6 * CF_S + 300 * CF_MS), (cf_span){ 5 * CF_MS },
		    raw, &ret);
	ok(ret.low.ns < 300 * CF_MS && ret.high.ns > 308 * CF_MS && ret.high.ns < 309 * CF_MS,
	   "what the stamps hide makes it longer, never shorter");
	ok(cf_blackout(at(5 * CF_S), (cf_span){ 0 }, at(6 * CF_S + 50), (cf_span){ 0 }, raw, &ret) &&
	   ret.low.ns == 0,
	   "a blackout is never negative");
	ret = (struct cf_interval){ { 1 }, { 2 } };
	ok(!cf_blackout(at(5 * CF_S), (cf_span){ 0 }, at(6 * CF_S - CF_MS), (cf_span){ 0 }, raw, &ret) &&
	   ret.low.ns == 1 && ret.high.ns == 2, "RESUME before STOP is no blackout of 0, but no measurement");
}

static void libvirt_cases(void)
{
	struct cf_interval ahead = { { 2 * CF_S - CF_US }, { 2 * CF_S + CF_US } };
	struct cf_interval ret = cf_interval_of((cf_span){ 100 * CF_MS }, (cf_span){ 110 * CF_MS });

	ok(cf_libvirt_downtime_mixed(ret, ahead), "a destination ahead is in libvirt's figure");
	ok(!cf_libvirt_downtime_mixed(ret, cf_interval_neg(ahead)), "... one behind by more than the blackout is not");
	ok(cf_libvirt_downtime_mixed(ret, cf_interval_of((cf_span){ -111 * CF_MS }, (cf_span){ -109 * CF_MS })),
	   "... and what may have been in it is not denied");
	ok(cf_libvirt_downtime_mixed(ret, (struct cf_interval){ { INT64_MIN }, { INT64_MAX } }),
	   "... nor where nothing is known of the offset");
}

/* What is left out of the arithmetic, to see it fail. */
struct mutation {
	double slew_ppm;
	bool slack;		/* what the stamps hide */
	bool raw;		/* the offset's whole interval, not its middle */
	bool wall;		/* subtract wall clocks, as libvirt does */
};

struct tally {
	int64_t measured, outside, stamps_outside;
	int64_t half[MIGRATIONS];
};

/* What QEMU stamps now, heard a little later and turned into RAW. */
static bool event(struct sim *sim, const struct sim_host *host, double slew_ppm, struct tally *tally,
		  struct cf_instant *ret)
{
	cf_real stamp = { sim_real(host).ns / CF_US * CF_US };
	sim_u raw = host->raw;
	cf_span half;

	sim_advance(sim, sim_delay(sim, 300 * CF_US));
	if (!cf_stamp_raw(stamp, sim_instant(sim, host), slew_ppm, ret))
		return false;
	half.ns = ret->width.ns / 2 + 1;
	tally->stamps_outside += !sim_holds(cf_interval_around((cf_span){ ret->raw.ns }, half), raw, 0,
					    SIM_RAW);

	return true;
}

static void probe(struct sim *sim, struct cf_offset *offset)
{
	for (int i = 0; i < 16; i++) {
		struct cf_round round = sim_round(sim, 50 * CF_US, 50 * CF_US);

		cf_offset_add(offset, &round);
		sim_advance(sim, sim_delay(sim, CF_MS));
	}
}

/*
 * The guest's last instruction, a while, STOP, the rest of the blackout, RESUME, a
 * while, its first instruction.
 */
static void migrate(struct sim *sim, const struct mutation *mutation, struct tally *tally)
{
	struct cf_offset offset = { 0 };
	struct cf_instant stop, resume;
	struct cf_interval raw, blackout;
	cf_span stop_slack = { 0 }, resume_slack = { 0 };
	int64_t last, first;

	probe(sim, &offset);
	last = sim->now;
	sim_advance(sim, sim_delay(sim, 200 * CF_US));
	stop_slack.ns = sim->now - last;
	if (!event(sim, &sim->here, mutation->slew_ppm, tally, &stop))
		return;
	sim_advance(sim, sim_delay(sim, 100 * CF_MS));
	resume_slack.ns = sim_delay(sim, 200 * CF_US);
	first = sim->now + resume_slack.ns;
	if (!event(sim, &sim->there, mutation->slew_ppm, tally, &resume))
		return;

	raw = cf_offset_raw(&offset, stop.raw);
	if (!mutation->raw)
		raw.low = raw.high = cf_interval_middle(raw);
	if (mutation->wall)
		raw = cf_interval_of(cf_span_sub(cf_instant_difference(stop), cf_instant_difference(resume)),
				     cf_span_sub(cf_instant_difference(stop), cf_instant_difference(resume)));
	if (!mutation->slack)
		stop_slack = resume_slack = (cf_span){ 0 };
	if (!cf_blackout(stop, stop_slack, resume, resume_slack, raw, &blackout))
		return;
	tally->half[tally->measured++] = cf_interval_half(blackout).ns;
	tally->outside += !cf_interval_has(blackout, (cf_span){ first - last });
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static const struct tally *migrations(const struct mutation *mutation)
{
	static struct tally tally;
	struct sim sim = sim_begin(20261120);

	tally = (struct tally){ 0 };
	sim.step_max = 0;	/* a step is the caller's to know */
	for (int i = 0; i < MIGRATIONS; i++) {
		sim_advance(&sim, CF_S);
		migrate(&sim, mutation, &tally);
	}
	qsort(tally.half, tally.measured, sizeof(tally.half[0]), by_size);
	return &tally;
}

static void soundness(void)
{
	const struct tally *t = migrations(&(struct mutation){ CF_SLEW_PPM, true, true, false });
	size_t n = t->measured;

	printf("# half-width of %d blackouts in us: p50 %.1f  p90 %.1f  p99 %.1f\n", MIGRATIONS,
	       t->half[n / 2] / 1e3, t->half[n * 9 / 10] / 1e3, t->half[n * 99 / 100] / 1e3);
	ok(t->measured == MIGRATIONS, "every one of %d blackouts is measured", MIGRATIONS);
	ok(t->stamps_outside == 0, "the moment of each stamp lies where it should on RAW");
	ok(t->outside == 0, "the true blackout lies inside in every one");

	t = migrations(&(struct mutation){ 0, true, true, false });
	ok(t->outside > 0 && t->stamps_outside > 0, "without room for slewing it would not (%lld)",
	   (long long)t->outside);
	t = migrations(&(struct mutation){ CF_SLEW_PPM, false, true, false });
	ok(t->outside > 0, "nor without what the stamps hide (%lld)", (long long)t->outside);
	t = migrations(&(struct mutation){ CF_SLEW_PPM, true, false, false });
	ok(t->outside > 0, "nor with the middle of the offset for the offset (%lld)", (long long)t->outside);
	t = migrations(&(struct mutation){ CF_SLEW_PPM, true, true, true });
	ok(t->outside + MIGRATIONS - t->measured > MIGRATIONS * 9 / 10,
	   "nor, least of all, by subtracting wall clocks (%lld)",
	   (long long)(t->outside + MIGRATIONS - t->measured));
}

int main(void)
{
	stamp_cases();
	blackout_cases();
	libvirt_cases();
	soundness();

	return done();
}
