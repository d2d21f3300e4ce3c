/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's clock: laws, of guests that are carried between simulated hosts. */
#include <inttypes.h>

#include "policy/guest.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define GUESTS 20000

/* One reading of the guest of here or there; *answered is true when both truths lie inside. */
static struct cf_guest_offset read_guest(struct sim *sim, struct sim_host *host, int64_t step, bool *holds)
{
	struct cf_instant before = sim_instant(sim, host), after;
	struct cf_guest_offset ret = { .rounds = 1 };
	cf_real said;
	sim_u guest, real;

	sim_advance(sim, sim_delay(sim, 100 * CF_US));
	said.ns = (int64_t)(sim->guest / SIM_REAL) / CF_US * CF_US;
	guest = sim->guest;
	real = host->real;
	sim_host_step(host, step);
	sim_advance(sim, sim_delay(sim, 100 * CF_US));
	after = sim_instant(sim, host);
	ret.at = after;
	ret.offset = cf_guest_reading(before, said, after);
	*holds = step != 0 || sim_holds(ret.offset, guest, real, SIM_REAL);
	*holds &= sim_holds(cf_guest_offset_aged(&ret, after), sim->guest, host->real, SIM_REAL);

	return ret;
}

static struct sim guest_begin(uint64_t seed)
{
	struct sim sim = sim_begin(seed);

	sim.step_max = 0;
	sim.guest = sim.here.real;
	sim.guest += (sim_u)(sim_s)sim_between(&sim, -3600 * CF_S, 3600 * CF_S) * SIM_REAL;
	sim.guest_max_ppb = 450000;
	return sim;
}

static void readings(void)
{
	struct sim sim = guest_begin(3);
	int64_t out = 0, stepped_out = 0, aged_out = 0;

	sim.guest_host = &sim.here;
	for (int i = 0; i < GUESTS; i++) {
		struct cf_guest_offset reading;
		struct cf_instant now;
		bool holds;

		reading = read_guest(&sim, &sim.here, 0, &holds);
		out += !holds;
		read_guest(&sim, &sim.here, sim_between(&sim, -2 * CF_S, 2 * CF_S), &holds);
		stepped_out += !holds;
		reading = read_guest(&sim, &sim.here, 0, &holds);
		sim_advance(&sim, sim_delay(&sim, CF_S));
		sim_host_step(&sim.here, sim_between(&sim, -CF_S, CF_S));
		sim_advance(&sim, sim_delay(&sim, CF_S));
		now = sim_instant(&sim, &sim.here);
		aged_out += !sim_holds(cf_guest_offset_aged(&reading, now), sim.guest, sim.here.real,
				       SIM_REAL);
	}
	ok(out == 0, "the true guest offset lies in each of %d readings", GUESTS);
	ok(stepped_out == 0, "... and when the host's clock is stepped in the middle of one");
	ok(aged_out == 0,
	   "... and in what it has become seconds later, the host stepped and slewed meanwhile");
}

/* A guest that keeps its rate: two readings tell it, and what follows from it is narrower and still true. */
static void rates(void)
{
	struct sim sim = guest_begin(4);
	int64_t out = 0, backwards_out = 0, narrower = 0, measured = 0;

	sim.guest_host = &sim.here;
	sim.guest_max_ppb = 0;
	for (int i = 0; i < GUESTS; i++) {
		struct cf_guest_offset first, last, blind;
		struct cf_instant now, then;
		sim_u guest_then, real_then;
		bool holds;

		sim.guest_ppb = sim_between(&sim, -1000000, 1000000);
		then = sim_instant(&sim, &sim.here);
		guest_then = sim.guest;
		real_then = sim.here.real;
		sim_advance(&sim, 2 * CF_S);
		first = read_guest(&sim, &sim.here, 0, &holds);
		sim_advance(&sim, sim_between(&sim, CF_S / 2, 30 * CF_S));
		last = blind = read_guest(&sim, &sim.here, 0, &holds);
		if (!cf_guest_rate(&first, &last))
			continue;
		measured++;
		sim_advance(&sim, sim_between(&sim, CF_S, 20 * CF_S));
		now = sim_instant(&sim, &sim.here);
		out += !sim_holds(cf_guest_offset_aged(&last, now), sim.guest, sim.here.real, SIM_REAL);
		backwards_out += !sim_holds(cf_guest_offset_aged(&last, then), guest_then, real_then,
					    SIM_REAL);
		narrower += cf_interval_width(cf_guest_offset_aged(&last, now)).ns <
			    cf_interval_width(cf_guest_offset_aged(&blind, now)).ns;
	}
	ok(measured > GUESTS / 2 && out == 0, "a measured rate tells the offset up to 20 s later (%lld guests)",
	   (long long)measured);
	ok(backwards_out == 0, "... and before");
	ok(narrower > measured / 4, "... and more narrowly than none does (%lld of them)",
	   (long long)narrower);
}

/* A rate as it is measured: off by anything, which is its bound. */
static struct cf_rate measured(struct sim *sim, double truth)
{
	double off = (double)sim_between(sim, -50000, 50000) / 1000;

	return (struct cf_rate){ truth + off, off < 0 ? -off : off };
}

/* Any rate a clock may have, read any number of times: the truth lies inside, and the step between two rates too. */
static void drifts(void)
{
	struct sim sim = sim_begin(11);
	int64_t told = 0, out = 0, step_out = 0;

	for (int i = 0; i < GUESTS; i++) {
		double truth = (double)sim_between(&sim, -400000, 400000) / 1000, before, hosts, change;
		struct cf_residual list[6];
		struct cf_rate rate, step;
		size_t n = (size_t)sim_between(&sim, 2, 6);
		int64_t at = sim_between(&sim, 0, CF_S);

		for (size_t j = 0; j < n; j++) {
			int64_t wide = sim_between(&sim, 0, 4 * CF_MS), middle;

			at += sim_between(&sim, CF_MS, 30 * CF_S);
			middle = (int64_t)(truth * (double)at / 1e6) + sim_between(&sim, -wide, wide);
			list[j] = (struct cf_residual){ { at }, { { middle - wide - 1 }, { middle + wide + 1 } } };
		}
		if (!cf_guest_drift(list, n, (cf_span){ 0 }, &rate))
			continue;
		told++;
		out += truth < rate.ppm - rate.bound_ppm - 1e-6 || truth > rate.ppm + rate.bound_ppm + 1e-6;
		before = (double)sim_between(&sim, -400000, 400000) / 1000;
		hosts = (double)sim_between(&sim, -200000, 200000) / 1000;
		change = truth + hosts - before;
		step = cf_rate_step(measured(&sim, before), rate, measured(&sim, hosts));
		step_out += change < step.ppm - step.bound_ppm - 1e-6 || change > step.ppm + step.bound_ppm + 1e-6;
	}
	ok(told > GUESTS / 2 && out == 0, "in %" PRId64 " drifts the truth lies inside", told);
	ok(step_out == 0, "and so it does in every step of frequency");
}

/*
 * The whole way: read at the source, stopped, landed on a host with another wall
 * clock, read there, corrected, read again.  What the guest's clock should say had
 * it never stopped is known to the simulation alone.
 */
static void carried(void)
{
	int64_t error_out = 0, overshot = 0, left_out = 0, worse = 0, set = 0;

	for (int i = 0; i < GUESTS / 4; i++) {
		struct sim sim = guest_begin(i), ideal;
		struct cf_offset offset = { 0 };
		struct cf_guest_offset before, after, again;
		struct cf_interval target, error;
		struct cf_instant here;
		cf_span by = { 0 };
		char why[CF_DETAIL_ROOM];
		sim_s lag;
		bool holds;

		sim.guest_host = &sim.here;
		sim.here.slew_max_ppb = sim.there.slew_max_ppb = sim.guest_max_ppb = 0;
		sim.here.rate_max_ppb = sim.there.rate_max_ppb = 0;
		for (int k = 0; k < 4; k++) {
			struct cf_round round = sim_round(&sim, 50 * CF_US, 50 * CF_US);

			cf_offset_add(&offset, &round);
		}
		before = read_guest(&sim, &sim.here, 0, &holds);
		sim_advance(&sim, CF_S);
		here = sim_instant(&sim, &sim.here);
		target = cf_guest_target(cf_guest_offset_aged(&before, here),
					 cf_offset_real(&offset, here, 0));
		ideal = sim;

		sim.guest_host = NULL;
		sim_advance(&sim, sim_delay(&sim, 30 * CF_MS));
		sim.guest_host = &sim.there;
		after = read_guest(&sim, &sim.there, 0, &holds);
		error = cf_guest_error(after.offset, target);
		lag = (sim_s)(sim.guest - ideal.guest) - (sim_s)((sim_u)(sim.now - ideal.now) * SIM_REAL);
		error_out += !sim_holds(error, (sim_u)lag, 0, SIM_REAL);

		if (cf_correct_next(error, CF_CORRECTION_STEP_FORWARD, (cf_span){ 2 * CF_MS },
				    (cf_span){ 0 }, &by, why) == CF_CORRECT_SET) {
			sim_s rest = lag + (sim_s)((sim_u)by.ns * SIM_REAL);

			sim.guest += (sim_u)by.ns * SIM_REAL;
			set++;
			overshot += rest > 0;
			worse += rest <= lag;
			again = read_guest(&sim, &sim.there, 0, &holds);
			left_out += !sim_holds(cf_guest_error(again.offset, target), (sim_u)rest, 0,
					       SIM_REAL);
		}
	}
	ok(error_out == 0, "the true error lies in what was measured, for each of %d guests", GUESTS / 4);
	ok(set > GUESTS / 20 && overshot == 0, "none of the %lld corrected was set too far", (long long)set);
	ok(left_out == 0 && worse == 0, "... and what is left is less, and known");
}

int main(void)
{
	readings();
	rates();
	drifts();
	carried();

	return done();
}
