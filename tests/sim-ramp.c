/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies of simulated guests, in virtual time: quiet ones, ones that write steadily, in
 * bursts, faster than can be sent; over networks whose bandwidth changes under way.
 * Whatever they do, the target only grows, stays within its bounds, and is raised a
 * bounded number of times; and where the guest allows it, the blackout is close to the
 * shortest there was to be had.
 *
 *	sim-ramp [SEED]
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "policy/ramp.h"
#include "proto/base.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define COPIES  3000		/* of each kind of guest, by each way */
#define PASSES  5000		/* after which one is given up */
#define MEMORY  4e9		/* bytes */
#define LIMIT   1.0		/* s, of the blackout */
#define FIRST   ((cf_span){ 10 * CF_MS })
#define ABOVE   0.05		/* s, what comes on top */

static double uniform(struct sim *sim, double low, double high)
{
	return low + (high - low) * (double)(sim_random(sim) >> 11) / 9007199254740992.0;
}

/* What it writes: to `set` bytes again and again, at a rate that changes between two. */
struct guest {
	double set;
	double rate[2];		/* bytes/s */
	double stretch;		/* s that each lasts, on average; 0: the first always */
	double bandwidth[2];	/* of the network, the same way */
};

enum kind { QUIET, STEADY, BURSTY, TOO_FAST, CHANGING, N_KINDS };

static const char *const kinds[N_KINDS] = { "a quiet guest", "one that writes steadily", "one that writes in bursts",
					    "one that writes faster than can be sent", "one on a network that changes" };

static struct guest make(struct sim *sim, enum kind kind)
{
	double bandwidth = uniform(sim, 5e7, 1.2e9);
	struct guest g = { .set = uniform(sim, 1e6, 4e8), .bandwidth = { bandwidth, bandwidth } };

	switch (kind) {
	case QUIET:
		g.rate[0] = uniform(sim, 0, 0.002) * bandwidth;
		break;
	case STEADY:
		g.rate[0] = uniform(sim, 0.05, 0.9) * bandwidth;
		break;
	case BURSTY:
		g.rate[0] = uniform(sim, 0, 0.1) * bandwidth;
		g.rate[1] = uniform(sim, 0.5, 3) * bandwidth;
		g.stretch = uniform(sim, 0.2, 5);
		break;
	case TOO_FAST:
		g.set = uniform(sim, 1.2, 3) * bandwidth;	/* more than fits into the limit */
		g.rate[0] = uniform(sim, 3, 20) * bandwidth;
		break;
	default:
		g.rate[0] = g.rate[1] = uniform(sim, 0.05, 0.8) * bandwidth;
		g.bandwidth[1] = bandwidth * uniform(sim, 0.2, 1);
		g.stretch = uniform(sim, 0.5, 20);
		break;
	}
	return g;
}

/* Who decides what QEMU aims at, s. */
struct way {
	const char *name;
	double (*target)(struct cf_ramp *ramp, const struct cf_ramp_rules *rules, int64_t pass, double now);
};

static double ours(struct cf_ramp *ramp, const struct cf_ramp_rules *rules, int64_t pass, double now)
{
	cf_ramp_pass(ramp, rules, pass, (cf_mono){ (int64_t)(now * 1e9) });
	return (double)ramp->target.ns / 1e9;
}

static double fixed(struct cf_ramp *ramp, const struct cf_ramp_rules *rules, int64_t pass, double now)
{
	(void)ramp, (void)rules, (void)pass, (void)now;
	return 0.3;	/* libvirt's and QEMU's own */
}

static const struct way ways[] = { { "ours", ours }, { "300 ms", fixed } };

struct end {
	bool converged;
	double blackout, total;		/* s */
	double shortest;		/* of what any pass offered, up to the end */
	int64_t raises;
	bool lawful;
};

static struct end copy(struct sim *sim, const struct guest *g, const struct way *way)
{
	const struct cf_ramp_rules rules = cf_ramp_rules(FIRST, (cf_span){ (int64_t)(LIMIT * 1e9) }, true,
							 (cf_span){ (int64_t)(ABOVE * 1e9) });
	struct end end = { .shortest = INFINITY, .lawful = true };
	struct cf_ramp ramp;
	double now = 0, left = MEMORY, until = 0, target, before = 0;
	int turn = 1;

	cf_ramp_begin(&ramp, &rules);
	for (int64_t pass = 1; pass <= PASSES; pass++) {
		double took, need, wrote, bandwidth;

		if (g->stretch > 0 && now >= until) {
			turn = !turn;
			until = now + g->stretch * uniform(sim, 0.3, 1.7);
		}
		turn = g->stretch > 0 ? turn : 0;
		bandwidth = g->bandwidth[turn] * uniform(sim, 0.9, 1);
		target = way->target(&ramp, &rules, pass, now);
		end.lawful &= target >= before && target >= rules.first.ns / 1e9 && target <= rules.most.ns / 1e9;
		before = target;
		need = left / bandwidth;
		if (pass > 1)
			end.shortest = fmin(end.shortest, need);
		if (need <= target) {
			end.converged = true;
			end.blackout = need + ABOVE;
			end.total = now + need;
			break;
		}
		took = need;
		now += took;
		wrote = g->rate[turn] * took;
		left = g->set * (1 - exp(-wrote / g->set)) * uniform(sim, 0.85, 1.15);
		left = fmin(left, MEMORY);
	}
	end.raises = ramp.raises;
	return end;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_size);
	return n ? list[n / 2] : NAN;
}

/* How often a target can grow by a quarter between two. */
static int64_t most_raises_of(const struct cf_ramp_rules *rules)
{
	return (int64_t)ceil(log((double)rules->most.ns / (double)rules->first.ns) / log(1.25)) + 1;
}

/* The same guests by both ways.  Who waits for a lull between two bursts pays for it with time. */
static void try_kind(struct sim *sim, enum kind kind)
{
	static double blackout[2][COPIES], total[2][COPIES], worse[COPIES];
	size_t n = 0, converged[2] = { 0 };
	int64_t most_raises = 0;
	bool lawful = true;
	double shorter, longer;

	for (size_t i = 0; i < COPIES; i++) {
		struct guest g = make(sim, kind);
		struct end end[2];
		uint64_t random = sim->random;

		for (size_t w = 0; w < 2; w++) {
			sim->random = random;
			end[w] = copy(sim, &g, &ways[w]);
			converged[w] += end[w].converged;
		}
		lawful &= end[0].lawful;
		most_raises = end[0].raises > most_raises ? end[0].raises : most_raises;
		if (!end[0].converged || !end[1].converged)
			continue;
		blackout[0][n] = end[0].blackout - ABOVE;
		blackout[1][n] = end[1].blackout - ABOVE;
		worse[n] = (end[0].blackout - ABOVE) / fmax(end[0].shortest, 0.01);
		total[0][n] = end[0].total;
		total[1][n++] = end[1].total;
	}
	ok(lawful, "%s: the target stays within its bounds, and only grows", kinds[kind]);
	ok(most_raises <= 22, "... it is raised %" PRId64 " times at most", most_raises);
	ok(converged[0] >= converged[1], "... %zu of %d copies end, with 300 ms %zu", converged[0], COPIES, converged[1]);
	if (n == 0)
		return;
	shorter = median(blackout[0], n) / median(blackout[1], n);
	longer = median(total[0], n) / median(total[1], n);
	ok(kind == QUIET || shorter < 1, "... the part of the blackout that is memory: %.2f of that with 300 ms (%.1f and %.1f ms)",
	   shorter, 1e3 * median(blackout[0], n), 1e3 * median(blackout[1], n));
	ok(longer <= (kind == BURSTY ? 1.2 : 1.1), "... in %.3f of the time (%.2f and %.2f s)", longer, median(total[0], n), median(total[1], n));
	ok(median(worse, n) <= 1.3, "... and no more than %.2f of the shortest that was offered", median(worse, n));
}

/* Anything at all as passes: time that jumps, passes that come in heaps, back, or never. */
static void try_anything(struct sim *sim)
{
	bool lawful = true, bounded = true;
	int64_t steps = 0;

	for (int i = 0; i < 20000; i++) {
		const struct cf_ramp_rules rules = cf_ramp_rules(FIRST, (cf_span){ sim_between(sim, 0, 100 * CF_S) },
								 sim_random(sim) & 1, (cf_span){ sim_between(sim, 0, 200 * CF_S) });
		struct cf_ramp ramp;
		cf_mono at = { sim_between(sim, 0, INT64_MAX / 2) };
		int64_t pass = sim_between(sim, 0, 5);

		cf_ramp_begin(&ramp, &rules);
		for (int j = 0; j < 200; j++, steps++) {
			cf_span before = ramp.target;
			bool raised;

			pass += sim_between(sim, -1, 3);
			at.ns += sim_between(sim, 0, 1) ? sim_between(sim, 0, 10 * CF_MS) : sim_between(sim, 0, 1000 * CF_S);
			raised = cf_ramp_pass(&ramp, &rules, pass, at);
			lawful &= raised == (ramp.target.ns > before.ns) && ramp.target.ns >= before.ns &&
				  ramp.target.ns >= rules.first.ns && ramp.target.ns <= rules.most.ns;
		}
		bounded &= ramp.raises <= most_raises_of(&rules);
	}
	ok(lawful, "whatever is looked at, in %" PRId64 " looks the target keeps its laws", steps);
	ok(bounded, "and is raised no more often than its bounds allow");
}

static void test_rules(void)
{
	struct cf_ramp_rules r = cf_ramp_rules(FIRST, (cf_span){ CF_S }, false, (cf_span){ 0 });

	ok(r.first.ns == 10 * CF_MS && r.most.ns == CF_S / 2, "without a past: from 10 ms to half of the limit");
	r = cf_ramp_rules(FIRST, (cf_span){ CF_S }, true, (cf_span){ 200 * CF_MS });
	ok(r.most.ns == 800 * CF_MS, "with one: the limit less what the pair has needed");
	r = cf_ramp_rules(FIRST, (cf_span){ CF_S }, true, (cf_span){ 5 * CF_S });
	ok(r.most.ns == r.first.ns, "where that is more than the limit, nothing above the first");
	r = cf_ramp_rules(FIRST, (cf_span){ 4 * CF_MS }, false, (cf_span){ 0 });
	ok(r.first.ns == 2 * CF_MS && r.most.ns == 2 * CF_MS, "of a tiny limit no more than half");
	r = cf_ramp_rules((cf_span){ 300 * CF_MS }, (cf_span){ CF_S }, true, (cf_span){ 800 * CF_MS });
	ok(r.first.ns == 200 * CF_MS && r.most.ns == 200 * CF_MS, "where it would begin beyond what the pair leaves, there it begins");
	ok(cf_ramp_first((cf_span){ 0 }, false).ns == 10 * CF_MS && cf_ramp_first((cf_span){ 0 }, true).ns == 300 * CF_MS,
	   "it begins at 10 ms, and an emulated guest at QEMU's 300 ms");
	ok(cf_ramp_first((cf_span){ CF_MS }, true).ns == CF_MS, "but as it is set, where it is");
}

/* One copy, step by step. */
static void test_story(void)
{
	static const struct {
		int64_t ms;		/* that the pass before lasted */
		int64_t target_ms;
		const char *sentence;
	} passes[] = {
		{ 0, 10, "the first pass begins" },
		{ 5000, 10, "the second: the first is no measure" },
		{ 800, 10, "shorter" },
		{ 400, 10, "shorter" },
		{ 200, 10, "shorter" },
		{ 210, 10, "once not" },
		{ 205, 200, "twice not: it gets no further than 200 ms" },
		{ 220, 200, "longer than that" },
		{ 215, 200, "as much" },
		{ 216, 250, "still not: a quarter more" },
		{ 9000, 250, "the network has become slow" },
		{ 9000, 250, "once not" },
		{ 9000, 500, "twice not: at most" },
		{ 9000, 500, "no more than that" },
		{ 9000, 500, "ever" },
		{ 9000, 500, "whatever happens" },
	};
	const struct cf_ramp_rules rules = cf_ramp_rules(FIRST, (cf_span){ CF_S }, false, (cf_span){ 0 });
	cf_mono at = { 0 };
	struct cf_ramp ramp;

	cf_ramp_begin(&ramp, &rules);
	for (size_t i = 0; i < CF_COUNT(passes); i++) {
		at.ns += passes[i].ms * CF_MS;
		cf_ramp_pass(&ramp, &rules, (int64_t)i + 1, at);
		ok(ramp.target.ns / CF_MS == passes[i].target_ms, "pass %zu, %s: %" PRId64 " ms", i + 1, passes[i].sentence,
		   ramp.target.ns / CF_MS);
	}
	ok(!cf_ramp_pass(&ramp, &rules, 3, at), "a pass that is over says nothing");
}

/* A gate that closes, or a target that QEMU has not heard of yet: what passes meanwhile is no measure. */
static void test_skip(void)
{
	const struct cf_ramp_rules rules = cf_ramp_rules(FIRST, (cf_span){ CF_S }, false, (cf_span){ 0 });
	cf_mono at = { 0 };
	bool raised = false;
	struct cf_ramp ramp;

	cf_ramp_begin(&ramp, &rules);
	for (int64_t pass = 1; pass < 50; pass++) {
		at.ns += 100 * CF_MS;
		raised |= cf_ramp_pass(&ramp, &rules, pass, at);
		if (pass % 3 == 0)
			cf_ramp_skip(&ramp);
	}
	ok(raised, "where two passes in three are a measure it is raised");
	cf_ramp_begin(&ramp, &rules);
	raised = false;
	for (int64_t pass = 1; pass < 50; pass++) {
		at.ns += 100 * CF_MS;
		raised |= cf_ramp_pass(&ramp, &rules, pass, at);
		cf_ramp_skip(&ramp);
	}
	ok(!raised, "where none is it never is");
}

static void test_above(void)
{
	const struct cf_ramp_rules rules = cf_ramp_rules(FIRST, (cf_span){ CF_S }, false, (cf_span){ 0 });
	struct cf_ramp_end end = { .blackout = { 300 * CF_MS } };
	struct cf_ramp ramp;

	cf_ramp_begin(&ramp, &rules);
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 300 * CF_MS, "without QEMU's word all of the blackout was above the target");
	end.has_expected = true;
	end.expected.ns = 10 * CF_MS;
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 300 * CF_MS, "what it was told to aim at is no word of its own");
	end.expected.ns = 4 * CF_MS;
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 296 * CF_MS, "what the memory took by its word is not above");
	end.expected.ns = CF_S;
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 290 * CF_MS, "an old word counts no more than the target");
	ramp.target.ns = CF_S / 2;
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 0, "nor is it ever less than nothing");
	end.has_so_far = true;
	end.so_far.ns = 220 * CF_MS;
	ok(cf_ramp_above(&ramp, &rules, &end).ns == 80 * CF_MS, "what came after the memory is above in any case");
}

int main(int argc, char **argv)
{
	struct sim sim = { .random = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260131 };

	test_rules();
	test_story();
	test_skip();
	test_above();
	for (enum kind kind = 0; kind < N_KINDS; kind++)
		try_kind(&sim, kind);
	try_anything(&sim);
	return done();
}
