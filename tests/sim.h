/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two simulated hosts in one true time, for tests of clock arithmetic.
 *
 * Everything is integer and exact: RAW counts in 1e-9 ns, REALTIME in 1e-18 ns,
 * so that the truth is known better than any reading shows it.  A reading is
 * truncated to whole nanoseconds, as the kernel's are.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "policy/offset.h"

typedef unsigned __int128 sim_u;
typedef __int128 sim_s;

#define SIM_RAW  UINT64_C(1000000000)			/* units of RAW in a nanosecond */
#define SIM_REAL ((sim_u)SIM_RAW * SIM_RAW)

struct sim_host {
	sim_u raw, real;
	int64_t rate_ppb;	/* RAW against true time */
	int64_t slew_ppb;	/* REALTIME against RAW */
	int64_t rate_mean_ppb;
	int64_t rate_max_ppb;	/* from the mean */
	int64_t slew_max_ppb;
};

struct sim {
	uint64_t random;
	int64_t now;		/* true time, ns */
	int64_t step_max;	/* of REALTIME, either way */
	int64_t calm;		/* one in so many occasions changes an oscillator; 0: as often as can be */
	struct sim_host here, there;

	/* a guest's REALTIME, running on its host's RAW */
	sim_u guest;
	const struct sim_host *guest_host;	/* NULL: it stands still */
	int64_t guest_ppb, guest_max_ppb;	/* its rate, and how far that may wander */
};

static inline uint64_t sim_random(struct sim *sim)
{
	uint64_t z = sim->random += UINT64_C(0x9E3779B97F4A7C15);	/* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform in low .. high, both included. */
static inline int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
	return low + (int64_t)(sim_random(sim) % ((uint64_t)high - (uint64_t)low + 1));
}

static inline bool sim_chance(struct sim *sim, int64_t one_in)
{
	return sim_between(sim, 1, one_in) == 1;
}

/* What no honest clock says. */
static inline int64_t sim_absurd(struct sim *sim)
{
	static const int64_t edges[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, CF_S, INT64_MAX - 1, INT64_MAX };

	return sim_chance(sim, 3) ? (int64_t)sim_random(sim) : edges[sim_random(sim) % 8];
}

/* Mostly around typical, at times a thousand times as long: what queues and schedulers do. */
static inline int64_t sim_delay(struct sim *sim, int64_t typical)
{
	int64_t d = sim_between(sim, 0, typical);

	for (int i = 0; i < 5 && sim_chance(sim, 5); i++)
		d = d * 4 + sim_between(sim, 0, typical);
	return d;
}

static inline void sim_host_advance(struct sim_host *host, int64_t ns)
{
	sim_u raw = (sim_u)ns * (uint64_t)(INT64_C(1000000000) + host->rate_ppb);

	host->raw += raw;
	host->real += raw * (uint64_t)(INT64_C(1000000000) + host->slew_ppb);
}

static inline void sim_host_wander(struct sim *sim, struct sim_host *host)
{
	bool calm = sim->calm > 0 && !sim_chance(sim, sim->calm);

	if (!calm && sim_chance(sim, 4))
		host->rate_ppb = host->rate_mean_ppb + sim_between(sim, -host->rate_max_ppb, host->rate_max_ppb);
	if (sim_chance(sim, 4))
		host->slew_ppb = sim_between(sim, -host->slew_max_ppb, host->slew_max_ppb);
	if (!calm && sim_chance(sim, 8))	/* the ends are what bounds are made for */
		host->rate_ppb = host->rate_mean_ppb + (sim_chance(sim, 2) ? host->rate_max_ppb : -host->rate_max_ppb);
	if (sim_chance(sim, 8))
		host->slew_ppb = sim_chance(sim, 2) ? host->slew_max_ppb : -host->slew_max_ppb;
}

static inline void sim_all_advance(struct sim *sim, int64_t ns)
{
	sim_u before = sim->guest_host ? sim->guest_host->raw : 0;

	sim->now += ns;
	sim_host_advance(&sim->here, ns);
	sim_host_advance(&sim->there, ns);
	if (sim->guest_host)
		sim->guest += (sim->guest_host->raw - before) * (uint64_t)(INT64_C(1000000000) + sim->guest_ppb);
}

/* True time passes for all; any oscillator and either slew may change on the way. */
static inline void sim_advance(struct sim *sim, int64_t ns)
{
	int64_t first = sim_between(sim, 0, ns);

	sim_all_advance(sim, first);
	sim_host_wander(sim, &sim->here);
	sim_host_wander(sim, &sim->there);
	if (sim->guest_max_ppb)
		sim->guest_ppb = sim_between(sim, -sim->guest_max_ppb, sim->guest_max_ppb);
	sim_all_advance(sim, ns - first);
}

static inline void sim_host_step(struct sim_host *host, int64_t ns)
{
	host->real += (sim_u)(sim_s)ns * SIM_REAL;
}

static inline cf_mono sim_raw(const struct sim_host *host)
{
	return (cf_mono){ (int64_t)(host->raw / SIM_RAW) };
}

static inline cf_real sim_real(const struct sim_host *host)
{
	return (cf_real){ (int64_t)(host->real / SIM_REAL) };
}

/* RAW, REALTIME, RAW, with true time passing between; the caller may look in between. */
static inline struct cf_instant sim_instant(struct sim *sim, const struct sim_host *host)
{
	cf_mono before = sim_raw(host), after;
	cf_real real;

	sim_advance(sim, sim_delay(sim, 60));
	real = sim_real(host);
	sim_advance(sim, sim_delay(sim, 60));
	after = sim_raw(host);

	return (struct cf_instant){
		.raw = { before.ns + (after.ns - before.ns) / 2 },
		.real = real,
		.width = { after.ns - before.ns },
	};
}

/* One round of four stamps, asked for by here, with typical delays there and back. */
static inline struct cf_round sim_round(struct sim *sim, int64_t there, int64_t back)
{
	struct cf_round round;

	round.t1 = sim_raw(&sim->here);
	sim_advance(sim, sim_delay(sim, there));
	round.t2 = sim_raw(&sim->there);
	sim_advance(sim, sim_delay(sim, 2 * CF_US));
	round.there = sim_instant(sim, &sim->there);
	sim_advance(sim, sim_delay(sim, 2 * CF_US));
	round.t3 = sim_raw(&sim->there);
	if (sim_chance(sim, 100))	/* here it may happen any time: our clock is read later */
		sim_host_step(&sim->here, sim_between(sim, -sim->step_max, sim->step_max));
	sim_advance(sim, sim_delay(sim, back));
	round.t4 = sim_raw(&sim->here);

	return round;
}

/* Is there - here, in units of 1 / unit ns, within the interval? */
static inline bool sim_holds(struct cf_interval i, sim_u there, sim_u here, sim_u unit)
{
	sim_s apart = (sim_s)(there - here);
	sim_s low = (sim_s)((sim_u)(sim_s)i.low.ns * unit);
	sim_s high = (sim_s)((sim_u)(sim_s)i.high.ns * unit);

	return low <= apart && apart <= high;
}

/* Two hosts that have been up for a while, with the worst clocks the bounds are made for. */
static inline struct sim sim_begin(uint64_t seed)
{
	struct sim sim = { .random = seed };

	sim.step_max = 3600 * CF_S;
	sim.here = sim.there = (struct sim_host){ .rate_max_ppb = 250000, .slew_max_ppb = 83333000 };
	sim.here.raw = (sim_u)sim_between(&sim, 0, 300 * CF_DAY) * SIM_RAW;
	sim.there.raw = (sim_u)sim_between(&sim, 0, 300 * CF_DAY) * SIM_RAW;
	sim.here.real = (sim_u)(INT64_C(1795000000) * CF_S) * SIM_REAL;
	sim.there.real = sim.here.real;
	sim_host_step(&sim.there, sim_between(&sim, -2 * CF_S, 2 * CF_S));

	return sim;
}
