/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * More than 100,000 rounds between two simulated hosts: the true offsets lie
 * inside the interval in every single one, and would not if the arithmetic left
 * something out.
 *
 *	sim-offset [SEED]
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/offset.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define ROUNDS   120000
#define EPISODE  400		/* rounds with one kind of network */
#define NETWORKS CF_COUNT(networks)

/* Where a rate may be anything the next moment, nothing is to be learnt from what it was. */
#define RESTLESS CF_RAW_DRIFT_PPM

struct mutation {
	double drift_ppm;	/* 0: as shipped */
	double slew_ppm;
	double width;		/* what is left of each interval's width */
};

static const struct network {
	const char *name;
	int64_t there, back;	/* typical delays */
	int64_t pause;		/* longest, between rounds */
} networks[] = {
	{ "a rack",                       30 * CF_US,  30 * CF_US, CF_S },
	{ "a queue on the way back",      30 * CF_US, 900 * CF_US, 2 * CF_S },
	{ "a queue on the way there",      4 * CF_MS, 100 * CF_US, 2 * CF_S },
	{ "far apart",                    20 * CF_MS,  20 * CF_MS, 10 * CF_S },
	{ "faster than any",                     200,         200, 10 * CF_US },
	{ "a full line, hours of silence", 100 * CF_MS, 10 * CF_MS, 3600 * CF_S },
};

struct tally {
	int64_t rounds, lost, stale, unseen, contradictory;
	int64_t raw_out, real_out;
	size_t n[NETWORKS];
	int64_t half_raw[NETWORKS][ROUNDS], half_real[NETWORKS][ROUNDS];
};

static struct cf_interval narrowed(struct cf_interval i, double to)
{
	cf_span off = { (int64_t)((double)cf_interval_half(i).ns * (1 - to)) };

	return cf_interval_widen(i, cf_span_neg(off));
}

/* Read our own clocks, ask for both offsets, and compare with the truth before, at and after the reading. */
static void compare(struct sim *sim, const struct cf_offset *offset, const struct mutation *mutation,
		    size_t network,
		    struct tally *tally)
{
	struct sim_host here = sim->here, there = sim->there;
	struct cf_instant now = sim_instant(sim, &sim->here);
	struct cf_interval raw = cf_offset_raw(offset, now.raw);
	struct cf_interval real = cf_offset_real(offset, now, mutation->slew_ppm);

	tally->half_raw[network][tally->n[network]] = cf_interval_half(raw).ns;
	tally->half_real[network][tally->n[network]++] = cf_interval_half(real).ns;
	tally->rounds++;
	raw = narrowed(raw, mutation->width);
	real = narrowed(real, mutation->width);
	tally->raw_out += !sim_holds(raw, there.raw, here.raw, SIM_RAW) ||
			  !sim_holds(raw, sim->there.raw, sim->here.raw, SIM_RAW);
	tally->real_out += !sim_holds(real, there.real, here.real, SIM_REAL) ||
			   !sim_holds(real, sim->there.real, sim->here.real, SIM_REAL);
}

/* What befalls hosts between rounds.  Returns true when RAW jumped and nobody was told. */
static bool befall(struct sim *sim, struct cf_offset *offset)
{
	struct sim_host *host = sim_chance(sim, 2) ? &sim->here : &sim->there;
	double drift_ppm = offset->drift_ppm;

	if (sim_chance(sim, 50))
		sim_host_step(host, sim_between(sim, -sim->step_max, sim->step_max));
	if (sim_chance(sim, 500)) {	/* a boot: its id is in the reply */
		host->raw = (sim_u)sim_between(sim, 0, 60 * CF_S) * SIM_RAW;
		*offset = (struct cf_offset){ .drift_ppm = drift_ppm, .wander_ppm = RESTLESS };
	}
	if (!sim_chance(sim, 500))
		return false;

	sim_host_advance(host == &sim->here ? &sim->there : &sim->here, sim_between(sim, 20 * CF_S, CF_DAY));
	return offset->rounds > 0;
}

static void run(uint64_t seed, int64_t rounds, const struct mutation *mutation, struct tally *tally)
{
	struct sim sim = sim_begin(seed);
	struct cf_offset offset = { .drift_ppm = mutation->drift_ppm, .wander_ppm = RESTLESS };

	memset(tally, 0, sizeof(*tally));
	for (int64_t i = 0; tally->rounds < rounds; i++) {
		const struct network *network = &networks[i / EPISODE % (int64_t)NETWORKS];
		bool asleep = befall(&sim, &offset);
		struct cf_round round;
		int r;

		sim_advance(&sim, sim_between(&sim, 0, network->pause));
		round = sim_round(&sim, network->there, network->back);
		while (sim_chance(&sim, 10)) {	/* the reply never came */
			tally->lost++;
			round = sim_round(&sim, network->there, network->back);
		}
		sim_advance(&sim, sim_delay(&sim, CF_US));
		r = cf_offset_add(&offset, &round);
		tally->contradictory += r == -ERANGE;
		tally->stale += r == -ESTALE;
		tally->unseen += asleep && r != -ESTALE;
		compare(&sim, &offset, mutation, network - networks, tally);
	}
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void show(const char *what, int64_t half[NETWORKS][ROUNDS], const size_t n[NETWORKS])
{
	printf("# half-width of the %-4s offset in us           p10          p50          p90          p99\n",
	       what);
	for (size_t i = 0; i < NETWORKS; i++) {
		qsort(half[i], n[i], sizeof(half[i][0]), by_size);
		printf("# %-34s %12.3f %12.3f %12.3f %12.3f\n", networks[i].name, half[i][n[i] / 10] / 1e3,
		       half[i][n[i] / 2] / 1e3, half[i][n[i] * 9 / 10] / 1e3, half[i][n[i] * 99 / 100] / 1e3);
	}
}

/*
 * A pair that is watched for a day: a few rounds every ten seconds, and silence of up
 * to an hour now and then.  Each oscillator has a rate of its own and keeps near it,
 * for minutes to hours at one value, then at another: two that are each within 5 ppm
 * of theirs can be 20 ppm from the mean that they have shown.
 */
#define OSCILLATOR_PPB 5000

struct watched {
	int64_t rounds, out, bad, never_shown;
	size_t n;
	int64_t half[ROUNDS];		/* just before the next rounds, without silences */
	double drift_ppm;		/* in the end */
};

static void watch(uint64_t seed, double wander_ppm, struct watched *ret)
{
	struct sim sim = sim_begin(seed);
	struct cf_offset offset = { .wander_ppm = wander_ppm };
	struct cf_interval raw;

	memset(ret, 0, sizeof(*ret));
	sim.calm = 3000;
	sim.here.rate_max_ppb = sim.there.rate_max_ppb = OSCILLATOR_PPB;
	sim.here.rate_ppb = sim.here.rate_mean_ppb = sim_between(&sim, -50000, 50000);
	sim.there.rate_ppb = sim.there.rate_mean_ppb = sim_between(&sim, -50000, 50000);
	for (; ret->rounds < ROUNDS / 4; ret->rounds++) {
		bool silence = sim_chance(&sim, 400);
		struct cf_round round;

		if (ret->rounds % 4 == 0) {
			sim_advance(&sim, silence ? sim_between(&sim, 0, 3600 * CF_S) : 10 * CF_S);
			raw = cf_offset_raw(&offset, sim_raw(&sim.here));
			ret->out += offset.rounds && !sim_holds(raw, sim.there.raw, sim.here.raw, SIM_RAW);
			ret->never_shown += offset.rounds > 8 && cf_offset_drift(&offset) >= CF_RAW_DRIFT_PPM;
			if (!silence && offset.rounds)
				ret->half[ret->n++] = cf_interval_half(raw).ns;
		}
		round = sim_round(&sim, 30 * CF_US, 60 * CF_US);
		ret->bad += cf_offset_add(&offset, &round) != 0;
		raw = cf_offset_raw(&offset, sim_raw(&sim.here));
		ret->out += !sim_holds(raw, sim.there.raw, sim.here.raw, SIM_RAW);
	}
	ret->drift_ppm = cf_offset_drift(&offset);
	qsort(ret->half, ret->n, sizeof(ret->half[0]), by_size);
}

static void watched_pairs(uint64_t seed)
{
	static struct watched w;
	int64_t out = 0, bad = 0, never = 0;

	for (uint64_t pair = 0; pair < 8; pair++) {
		watch(seed + pair, 0, &w);
		printf("# watched pair: half-width after 10 s %.1f us p50, %.1f us p99; drifts by up to %.1f ppm\n",
		       w.half[w.n / 2] / 1e3, w.half[w.n * 99 / 100] / 1e3, w.drift_ppm);
		out += w.out;
		bad += w.bad;
		never += w.never_shown;
	}
	ok(out == 0, "a watched pair's true RAW offset lies inside, before and after every round");
	ok(bad == 0, "none of its rounds contradicts the others");
	ok(never == 0, "after ten seconds it is known better than the worst of oscillators");

	out = 0;
	for (uint64_t pair = 0; pair < 8; pair++) {
		watch(seed + pair, CF_RAW_WANDER_PPM / 4, &w);
		out += w.out;
	}
	printf("# %lld outside with a quarter of the allowance\n", (long long)out);
	ok(out > 0, "it would not if oscillators were thought to be calmer than these");
}

int main(int argc, char **argv)
{
	static struct tally tally;
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : UINT64_C(20261120);

	printf("# seed %llu\n", (unsigned long long)seed);
	run(seed, ROUNDS, &(struct mutation){ .slew_ppm = CF_SLEW_PPM, .width = 1 }, &tally);
	printf("# %lld rounds, %lld lost, %lld restarts after a jump\n", (long long)tally.rounds,
	       (long long)tally.lost,
	       (long long)tally.stale);
	show("RAW", tally.half_raw, tally.n);
	show("host", tally.half_real, tally.n);
	ok(tally.rounds >= 100000, "at least 100,000 rounds");
	ok(tally.raw_out == 0, "the true RAW offset lies inside in every one");
	ok(tally.real_out == 0, "the true host offset lies inside in every one");
	ok(tally.contradictory == 0, "no true round is called contradictory");
	ok(tally.stale > 0 && tally.unseen == 0, "a host that slept is noticed every time");

	run(seed, ROUNDS / 4, &(struct mutation){ .drift_ppm = 1e-6, .slew_ppm = CF_SLEW_PPM, .width = 1 },
	    &tally);
	printf("# %lld outside without padding\n", (long long)tally.raw_out);
	ok(tally.raw_out > 0, "without the padding for drift it would not");
	run(seed, ROUNDS / 4, &(struct mutation){ .drift_ppm = 400, .slew_ppm = CF_SLEW_PPM, .width = 1 },
	    &tally);
	printf("# %lld outside with 400 ppm instead of 500\n", (long long)tally.raw_out);
	ok(tally.raw_out > 0, "nor with padding for oscillators better than these");
	run(seed, ROUNDS / 4, &(struct mutation){ .slew_ppm = 0, .width = 1 }, &tally);
	printf("# %lld outside without slewing\n", (long long)tally.real_out);
	ok(tally.raw_out == 0 && tally.real_out > 0, "nor the host offset without room for slewing");
	run(seed, ROUNDS / 4, &(struct mutation){ .slew_ppm = CF_SLEW_PPM, .width = 0.9 }, &tally);
	printf("# %lld and %lld outside nine tenths\n", (long long)tally.raw_out, (long long)tally.real_out);
	ok(tally.raw_out > 0 && tally.real_out > 0, "nor either with a tenth of the width taken off");

	watched_pairs(seed);

	return done();
}
