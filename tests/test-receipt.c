/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a receipt says at the end of what was measured: its outcome, and whether the lag was to be expected. */

#include <stdlib.h>
#include <string.h>

#include "daemon/act/receipt.h"
#include "policy/outcome.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define MS(n) ((cf_span){ (n) * CF_MS })
#define FROM(low, high) { MS(low), MS(high) }

/* In place of the rest of the agent */

const struct drive_ops drive_libvirt = { .name = "libvirt" };
static struct settings *settings;	/* of an agent without a file of them */

bool virt_host(struct virt *virt, struct virt_host *ret)
{
	(void)virt;
	(void)ret;
	return false;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = (struct guest_events){ .has_job = true,
				      .job = { .has_bytes = true, .bytes = 4711, .has_downtime = true,
					       .downtime = MS(2100) } };
}

void work_landing(struct work *work, struct cf_landing *ret)
{
	*ret = work->landing;
}

/* The outcome */

static const struct {
	const char *sentence;
	bool has_blackout, has_landing;
	int64_t blackout;		/* its upper end, ms; the limit is 1 s */
	size_t n;
	int64_t low, high;		/* the last residual, ms; the limit is 20 ms */
	enum cf_outcome outcome;
	const char *reason;		/* "": there is nothing to explain */
} outcomes[] = {
	{ "all within",                        true,  true,  999,  3, -19, 0,   CF_OUTCOME_CLEAN, "" },
	{ "at both limits",                    true,  true,  1000, 3, -20, 20,  CF_OUTCOME_CLEAN, "" },
	{ "a blackout that may be too long",   true,  true,  1001, 3, -1,  0,   CF_OUTCOME_BREACHED, "the blackout was" },
	{ "... the clock unknown",             true,  true,  1001, 0, 0,   0,   CF_OUTCOME_BREACHED, "the blackout was" },
	{ "a clock that may lag too much",     true,  true,  80,   3, -21, -1,  CF_OUTCOME_BREACHED, "still off by" },
	{ "a clock that may be too far ahead", true,  true,  80,   3, -1,  21,  CF_OUTCOME_BREACHED, "still off by" },
	{ "... the blackout unknown",          false, true,  0,    3, -1,  21,  CF_OUTCOME_BREACHED, "still off by" },
	{ "an unknown blackout",               false, true,  0,    3, -1,  0,   CF_OUTCOME_UNVERIFIED, "the blackout could" },
	{ "an unknown clock",                  true,  true,  80,   0, 0,   0,   CF_OUTCOME_UNVERIFIED,
	  "the guest's clock could" },
	{ "a destination that said nothing",   true,  false, 80,   3, -1,  0,   CF_OUTCOME_UNVERIFIED,
	  "the guest's clock could" },
	{ "nothing known",                     false, false, 0,    0, 0,   0,   CF_OUTCOME_UNVERIFIED,
	  "blackout and guest clock" },
};

static void test_outcomes(void)
{
	for (size_t i = 0; i < CF_COUNT(outcomes); i++) {
		struct cf_receipt receipt = {
			.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
			.has_blackout = outcomes[i].has_blackout,
			.blackout = FROM(outcomes[i].blackout - 5, outcomes[i].blackout),
			.has_landing = outcomes[i].has_landing,
			.landing = { .n_residuals = outcomes[i].n,
				     .residuals = { { MS(100), FROM(-500, -490) }, { MS(1000), FROM(-30, -28) } } },
		};
		char reason[CF_DETAIL_ROOM] = "an earlier one";
		enum cf_outcome outcome;

		if (outcomes[i].n)
			receipt.landing.residuals[outcomes[i].n - 1] = (struct cf_residual){
				MS(10000), FROM(outcomes[i].low, outcomes[i].high) };
		outcome = cf_outcome_judge(&receipt, &receipt.limits, reason);
		ok(outcome == outcomes[i].outcome, "%s: %s", outcomes[i].sentence, cf_outcome_words[outcome]);
		ok(*outcomes[i].reason ? !!strstr(reason, outcomes[i].reason) : !*reason, "... because %s",
		   *reason ? reason : "all is as it should be");
		ok(outcome != CF_OUTCOME_BREACHED || strstr(reason, "the limit is"), "... and of which limit it is told");
	}
}

/* A step to 329 ms ahead, from 200 ms after RESUME on, in a call of 900 ms: what is known of the clock afterwards? */
static const struct {
	const char *sentence;
	int64_t low, high, after;	/* the last residual, ms, and when it was read */
	enum cf_outcome outcome;
} steps[] = {
	{ "a clock that was too far behind, stepped, and not read since",  -338, -329, 199,  CF_OUTCOME_UNVERIFIED },
	{ "one that was right, stepped all the same, and not read since",  -16,  -15,  199,  CF_OUTCOME_UNVERIFIED },
	{ "one that was read when the step was over",                      -9,   0,    1100, CF_OUTCOME_CLEAN },
	{ "... and is still too far behind",                               -338, -329, 1100, CF_OUTCOME_BREACHED },
};

static void test_steps(void)
{
	for (size_t i = 0; i < CF_COUNT(steps); i++) {
		struct cf_receipt receipt = {
			.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
			.has_blackout = true, .blackout = FROM(70, 80), .has_landing = true,
			.landing = { .n_steps = 1, .steps = { { .after = MS(200), .by = MS(329), .took = MS(900) } }, .n_residuals = 1,
				     .residuals = { { MS(steps[i].after), FROM(steps[i].low, steps[i].high) } } },
		};
		bool known = steps[i].outcome != CF_OUTCOME_UNVERIFIED;
		char reason[CF_DETAIL_ROOM];

		ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == steps[i].outcome, "%s: %s", steps[i].sentence, reason);
		ok(cf_figure_there(&receipt, CF_FIGURE_RESIDUAL) == known && !cf_landing_residual(&receipt.landing) == !known,
		   "... what is left is %s", known ? "known" : "not");
		receipt.landing.n_residuals = 0;
		receipt.landing.has_counters = receipt.landing.counters.has_residual = true;
		ok(!cf_landing_residual(&receipt.landing), "... and its counters do not know of the step");
	}
}

/* Of a guest that nobody can ask, what its counters are off by is what is known. */
static void test_counters(void)
{
	struct cf_receipt receipt = {
		.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
		.has_blackout = true, .blackout = FROM(70, 80), .has_landing = true,
		.landing = { .lever = CF_LEVER_KVM, .has_counters = true,
			     .counters = { .result = CF_COUNTERS_CARRIED, .has_residual = true, .residual = FROM(-1, 1) } },
	};
	char reason[CF_DETAIL_ROOM];

	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_CLEAN, "counters that were carried are a clock that is right");
	receipt.landing.counters.residual.high = MS(21);
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_BREACHED, "... unless they may be off by more than policy allows: %s",
	   reason);
	receipt.landing.counters.has_residual = false;
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_UNVERIFIED, "... or nobody knows by how much: %s", reason);
	receipt.landing.counters.has_residual = true;
	receipt.landing.n_residuals = 1;
	receipt.landing.residuals[0] = (struct cf_residual){ MS(100), FROM(-1, 1) };
	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_CLEAN, "the guest's own clock, where it can be read, says more");
}

static void test_torn(void)
{
	struct cf_receipt receipt = {
		.limits = { .max_blackout = MS(1000), .max_residual = MS(20) },
		.has_blackout = true,
		.blackout = FROM(90, 100),
		.has_landing = true,
		.landing = { .torn = true, .n_residuals = 1, .residuals = { { MS(1000), FROM(-1, 1) } } },
	};
	char reason[CF_DETAIL_ROOM];

	ok(cf_outcome_judge(&receipt, &receipt.limits, reason) == CF_OUTCOME_UNVERIFIED && strstr(reason, "lacks memory"),
	   "a guest without all of its memory is not clean, whatever its clock says: %s", reason);
}

/* The lag */

static const struct {
	const char *sentence;
	const char *type, *clocksource;
	bool self_correcting, has_lag;
	int64_t low, high;		/* the measured lag, ms; the blackout is 98 to 102 */
	int64_t offset;			/* of the hosts' REALTIME, ms */
	bool surprising;
} lags[] = {
	{ "TCG, all of it lost",               "qemu", "tsc",       false, true,  98,  100,  0,  false },
	{ "... between hosts 2 s apart",       "qemu", "tsc",       false, true,  98,  100,  2000, false },
	{ "... touched at its upper end",      "qemu", "tsc",       false, true,  101, 110,  0,  false },
	{ "... but only half",                 "qemu", "tsc",       false, true,  49,  52,   0,  true },
	{ "... but more than all",             "qemu", "tsc",       false, true,  110, 112,  0,  true },
	{ "... but not measured",              "qemu", "tsc",       false, false, 0,   0,    0,  false },
	{ "kvm-clock, nothing lost",           "kvm",  "kvm-clock", false, true,  -1,  1,    0,  false },
	{ "kvm-clock, a part lost",            "kvm",  "kvm-clock", false, true,  20,  22,   0,  false },
	{ "kvm-clock, more than all",          "kvm",  "kvm-clock", false, true,  110, 112,  0,  true },
	{ "kvm-clock, ahead",                  "kvm",  "kvm-clock", false, true,  -9,  -7,   0,  true },
	{ "hpet under KVM, all of it lost",    "kvm",  "hpet",      false, true,  98,  100,  0,  false },
	{ "hpet under KVM, but only a part",   "kvm",  "hpet",      false, true,  20,  22,   0,  true },
	{ "a QEMU that corrects, nothing lost", "kvm", "kvm-clock", true,  true,  -1,  1,    0,  false },
	{ "... by clocks 30 ms apart",         "kvm",  "kvm-clock", true,  true,  -31, -29,  30, false },
	{ "... by clocks that agree, ahead",   "kvm",  "kvm-clock", true,  true,  -31, -29,  0,  true },
};

static struct cf_instant at(int64_t raw, int64_t real)
{
	return (struct cf_instant){ .raw = { raw * CF_MS }, .real = { INT64_C(1790000000) * CF_S + real * CF_MS } };
}

static struct work *begin(void)
{
	static const struct act_context context;
	struct work *work = calloc(1, sizeof(*work));

	work->receipt = calloc(1, sizeof(*work->receipt));
	work->record = calloc(1, sizeof(*work->record));
	work->context = &context;
	work->driver = &drive_libvirt;
	work->settings = settings_hold(settings);
	*unmeasured = '\0';
	return work;
}

static void end(struct work *work)
{
	settings_free(work->settings);
	free(work->receipt);
	free(work->record);
	free(work);
}

/* Stopped at 1000 of the source's RAW, run again at 5100 of the destination's, which is 4000 ahead. */
static void fill(struct work *work, int64_t offset)
{
	struct cf_receipt *receipt = work->receipt;

	receipt->has_stop = receipt->has_landing = true;
	receipt->stop = at(1000, 1000);
	receipt->stop_slack = MS(1);
	receipt->landing.has_resume = true;
	receipt->landing.resume = at(5100, 1100 + offset);
	receipt->landing.resume_slack = MS(1);
	work->peer.has_at_stop = true;
	work->peer.at_stop = (struct cf_interval)FROM(3999, 4001);
}

static void test_lags(void)
{
	for (size_t i = 0; i < CF_COUNT(lags); i++) {
		struct work *work = begin();
		struct cf_receipt *receipt = work->receipt;
		struct cf_guest_clock *guest = &work->record->guest;

		fill(work, lags[i].offset);
		snprintf(guest->type, sizeof(guest->type), "%s", lags[i].type);
		guest->has_clocksource = true;
		snprintf(guest->clocksource, sizeof(guest->clocksource), "%s", lags[i].clocksource);
		guest->self_correcting = lags[i].self_correcting;
		receipt->landing.has_lag = lags[i].has_lag;
		receipt->landing.lag = (struct cf_interval)FROM(lags[i].low, lags[i].high);
		receipt_complete(work);
		ok(receipt->has_predicted_lag && *receipt->predicted_lag_why &&
		   receipt->lag_surprising == lags[i].surprising, "%s: %s", lags[i].sentence,
		   lags[i].surprising ? "a surprise" : "no surprise");
		end(work);
	}
}

static void test_figures(void)
{
	struct work *work = begin();
	struct cf_receipt *receipt = work->receipt;

	work->watch = (struct guest_watch *)work;	/* there is one; nobody looks into it */
	fill(work, 2000);
	receipt_complete(work);
	ok(receipt->has_blackout && cf_interval_has(receipt->blackout, MS(100)) &&
	   cf_interval_width(receipt->blackout).ns < 5 * CF_MS, "the blackout is 100 ms, whatever the wall clocks say");
	ok(receipt->has_offset_during && cf_interval_has(receipt->offset_during, MS(2000)), "which were 2 s apart");
	ok(receipt->has_libvirt_downtime && receipt->libvirt_downtime.ns == 2100 * CF_MS &&
	   receipt->has_libvirt_downtime_offset && cf_interval_has(receipt->libvirt_downtime_offset, MS(2000)),
	   "libvirt's figure stands beside it, with what they did to it");
	ok(receipt->has_bytes && receipt->bytes == 4711 && strcmp(receipt->driver, "libvirt") == 0,
	   "and what was copied, and by whom");
	end(work);

	work = begin();
	fill(work, 0);
	work->receipt->landing.resume = at(4900, 900);
	receipt_complete(work);
	ok(!work->receipt->has_blackout && !work->receipt->has_predicted_lag && !work->receipt->lag_surprising &&
	   strstr(unmeasured, "RESUME lies before STOP"), "a RESUME before STOP is no blackout: %s", unmeasured);
	end(work);

	work = begin();
	receipt = work->receipt;
	work->watch = (struct guest_watch *)work;
	fill(work, 2000);
	receipt->landing.has_resume = false;
	work->peer.offset = (struct cf_offset){ .rounds = 1, .raw = FROM(3999, 4001), .at = { 1000 * CF_MS },
						.there = at(5000, 3000), .there_at = { 1000 * CF_MS } };
	receipt_complete(work);
	ok(!receipt->has_blackout && receipt->has_offset_during && cf_interval_has(receipt->offset_during, MS(2000)),
	   "without a RESUME the offset at STOP is known all the same");
	ok(receipt->has_libvirt_downtime && !receipt->has_libvirt_downtime_offset,
	   "and nothing is claimed of what it did to libvirt's figure");
	end(work);

	work = begin();
	fill(work, 0);
	work->peer.has_at_stop = false;
	receipt_complete(work);
	ok(!work->receipt->has_blackout && !work->receipt->has_offset_during, "without an offset there is none either");
	end(work);
}

/*
 * A guest that follows the oscillator of the host it is on, which gains 30 ppm on the one where it comes to: it gains
 * nothing on either.
 */
static void test_frequency_step(void)
{
	struct work *work = begin();
	struct cf_receipt *receipt = work->receipt;
	struct cf_rate *step = &receipt->frequency_step;

	fill(work, 0);
	work->record->guest.has_guest_offset = work->record->guest.guest_offset.has_rate = receipt->landing.has_drift = true;
	work->record->guest.guest_offset.rate.bound_ppm = receipt->landing.drift.bound_ppm = 1;
	receipt_complete(work);
	ok(!receipt->has_frequency_step, "without the rate of the two hosts there is no step of its frequency");
	work->peer.offset = (struct cf_offset){ .rounds = 2, .raw = { { -18 * CF_MS }, { -18 * CF_MS } }, .at = { 601 * CF_S },
						.shown = { { .at = { CF_S } } } };
	receipt_complete(work);
	ok(receipt->has_frequency_step && step->ppm > -30.1 && step->ppm < -29.9 && step->bound_ppm >= 2 + CF_RAW_WANDER_PPM &&
	   step->bound_ppm < 3 + CF_RAW_WANDER_PPM, "with it that is theirs: %.1f ppm +- %.1f", step->ppm, step->bound_ppm);
	end(work);
}

/* A destination alone has a receipt that can be read, too: limits of 0 nobody ever had. */
static void test_alone(void)
{
	struct work *work = begin();

	work->reservation.limits = (struct cf_limits){ .max_residual = MS(20), .max_stratum = 9 };
	snprintf(work->reservation.driver, sizeof(work->reservation.driver), "libvirt");
	work->limits = (struct cf_both_limits){ .limits = work->reservation.limits, .owner_max_error_bound = "hA",
						.owner_max_skew = "hA", .owner_max_blackout = "hA",
						.owner_max_residual = "hB", .owner_gate_grace = "hB",
						.owner_holdover_max = "hA", .owner_max_stratum = "hA",
						.owner_require_lever = "hA", .owner_correction = "hB",
						.owner_correction_floor = "hA" };
	snprintf(work->lease.agent, sizeof(work->lease.agent), "0.7");
	receipt_alone(work);
	ok(work->receipt->limits.max_stratum == 9 && strcmp(work->receipt->limit_owners.max_residual, "hB") == 0 &&
	   work->receipt->limit_owners.has_others && strcmp(work->receipt->limit_owners.others.correction, "hB") == 0 &&
	   strcmp(work->receipt->driver, "libvirt") == 0, "limits, their owners and driver are known without the source");
	work->limits.owner_max_residual = work->receipt->limit_owners.max_residual;
	receipt_limits(work);
	ok(strcmp(work->receipt->limit_owners.max_residual, "hB") == 0,
	   "owners that a restarted agent has from the receipt alone stay in it");
	ok(work->receipt->has_destination_versions && strcmp(work->receipt->destination_versions.agent, "0.7") == 0,
	   "and so are this host's versions");
	ok(!work->receipt->has_landing && !work->receipt->has_blackout, "what was not seen is absent");
	work->landing.has_resume = true;
	receipt_alone(work);
	ok(work->receipt->has_landing && work->receipt->landing.has_resume, "and what was seen is there");
	end(work);
}

/* What is missing, and why */

/* Names that part a line in one way only. */
static void test_names(void)
{
	char line[CF_DETAIL_ROOM];
	bool found = true;

	for (int figure = CF_FIGURE_OTHER + 1; figure < CF_N_FIGURES; figure++) {
		snprintf(line, sizeof(line), "%s: lag: it is late", cf_figure_words[figure]);
		found = found && cf_figure_of(line) == (enum cf_figure)figure;
	}
	ok(found, "each figure's line is known by its name");
	ok(cf_figure_of("blackouts: many") == CF_FIGURE_OTHER && cf_figure_of("lag") == CF_FIGURE_OTHER &&
	   cf_figure_of("") == CF_FIGURE_OTHER, "and no other line is taken for one");
}

static const struct {
	const char *sentence;
	enum cf_side side;
	enum cf_outcome outcome;
	bool has_stop, checked;
} ends[] = {
	{ "clean",                     CF_SOURCE,      CF_OUTCOME_CLEAN,      true,  true },
	{ "breached",                  CF_SOURCE,      CF_OUTCOME_BREACHED,   true,  true },
	{ "unverified, STOP not seen", CF_SOURCE,      CF_OUTCOME_UNVERIFIED, false, true },
	{ "refused",                   CF_SOURCE,      CF_OUTCOME_REFUSED,    false, true },
	{ "aborted before the check",  CF_SOURCE,      CF_OUTCOME_ABORTED,    false, false },
	{ "aborted in the copy",       CF_SOURCE,      CF_OUTCOME_ABORTED,    false, true },
	{ "aborted after STOP",        CF_SOURCE,      CF_OUTCOME_ABORTED,    true,  true },
	{ "unverified, by itself",     CF_DESTINATION, CF_OUTCOME_UNVERIFIED, false, true },
	{ "aborted, by itself",        CF_DESTINATION, CF_OUTCOME_ABORTED,    false, true },
};

/* Of the figures, those of the set bits were measured. */
static void measure(struct cf_receipt *receipt, unsigned set)
{
	bool *const has[CF_N_FIGURES] = {
		[CF_FIGURE_SOURCE_CLOCK] = &receipt->has_source_report,
		[CF_FIGURE_DESTINATION_CLOCK] = &receipt->has_destination_report,
		[CF_FIGURE_OFFSET_BEFORE] = &receipt->has_offset_before,
		[CF_FIGURE_OFFSET_DURING] = &receipt->has_offset_during,
		[CF_FIGURE_OFFSET_AFTER] = &receipt->has_offset_after,
		[CF_FIGURE_BYTES] = &receipt->has_bytes,
		[CF_FIGURE_BLACKOUT] = &receipt->has_blackout,
		[CF_FIGURE_LIBVIRT_DOWNTIME] = &receipt->has_libvirt_downtime,
		[CF_FIGURE_SOURCE_LOST] = &receipt->has_source_lost,
		[CF_FIGURE_GUEST_BEFORE] = &receipt->has_guest_offset_before,
		[CF_FIGURE_PREDICTED_LAG] = &receipt->has_predicted_lag,
		[CF_FIGURE_LAG] = &receipt->landing.has_lag,
	};

	for (int i = 0; i < CF_N_FIGURES; i++)
		if (has[i])
			*has[i] = set & 1U << i;
	receipt->landing.n_residuals = set & 1U << CF_FIGURE_RESIDUAL ? 1 : 0;
	receipt->has_landing = set & 1;
	receipt->has_vmclock = true;	/* the last of the figures is in no set of its own */
	receipt->vmclock = set & 1;
	receipt->landing.has_disruption = set & 2;
}

/* A receipt leaves nobody to guess: what is not there has a reason, what is there has none. */
static bool tells_all(const struct cf_receipt *receipt)
{
	bool good = true;

	for (int i = CF_FIGURE_OTHER + 1; i < CF_N_FIGURES; i++) {
		bool why = *cf_figure_why(receipt, i);

		if (why == (cf_figure_due(receipt, i) && !cf_figure_there(receipt, i)))
			continue;
		printf("# %s: %s\n", cf_figure_words[i], why ? "needs no reason" : "needs a reason");
		good = false;
	}
	return good;
}

static void test_reasons(void)
{
	for (size_t i = 0; i < CF_COUNT(ends); i++) {
		bool good = true, repeats = false;

		for (unsigned set = 0; good && set < 1U << CF_FIGURE_DISRUPTION; set++) {
			struct work *work = begin();
			struct cf_receipt *receipt = work->receipt;
			size_t n;

			work->side = ends[i].side;
			work->limits.owner_max_skew = ends[i].checked ? "hA" : NULL;
			receipt->migration.has_outcome = true;
			receipt->migration.outcome = ends[i].outcome;
			receipt->has_stop = ends[i].has_stop;
			measure(receipt, set);
			receipt_explain(work);
			good = tells_all(receipt);
			n = receipt->n_unmeasured;
			receipt_explain(work);
			repeats = repeats || receipt->n_unmeasured != n;
			end(work);
		}
		ok(good && !repeats, "%s: all that is missing has a reason, whatever is", ends[i].sentence);
	}
}

/* Whoever could not measure knows best. */
static void test_own_reason(void)
{
	struct work *work = begin();
	struct cf_receipt *receipt = work->receipt;

	work->side = CF_SOURCE;
	receipt->has_source_report = true;
	receipt->migration.outcome = CF_OUTCOME_UNVERIFIED;
	receipt->has_landing = true;
	receipt->landing.n_unmeasured = 1;
	snprintf(receipt->landing.unmeasured[0], CF_DETAIL_ROOM, "lag: it hangs");
	receipt_explain(work);
	ok(strcmp(cf_figure_why(receipt, CF_FIGURE_LAG), "it hangs") == 0 &&
	   strcmp(cf_figure_why(receipt, CF_FIGURE_RESIDUAL), "it hangs") == 0,
	   "the destination's reason stands, for what follows from it too");
	end(work);
}

/* Of a guest that stood still, and that nobody watched any more: an agent was restarted, which is all that is known of it. */
static void test_unwatched(void)
{
	for (int watched = 0; watched < 2; watched++) {
		struct work *work = begin();
		struct cf_receipt *receipt = work->receipt;
		bool named;

		work->side = CF_SOURCE;
		work->watch = watched ? (struct guest_watch *)work : NULL;
		receipt->has_source_report = receipt->has_stop = true;
		receipt->migration.outcome = CF_OUTCOME_ABORTED;
		receipt_explain(work);
		named = strstr(cf_figure_why(receipt, CF_FIGURE_SOURCE_LOST), "restarted") && strstr(cf_figure_why(receipt, CF_FIGURE_LAG), "restarted");
		ok(named == !watched, "how long it stood still, and its lag, are not known: %s", cf_figure_why(receipt, CF_FIGURE_SOURCE_LOST));
		end(work);
	}
}

int main(void)
{
	if (settings_read("/dev/null", &settings, NULL) < 0)
		abort();
	test_names();
	test_reasons();
	test_own_reason();
	test_unwatched();
	test_outcomes();
	test_steps();
	test_counters();
	test_torn();
	test_lags();
	test_figures();
	test_frequency_step();
	test_alone();
	settings_free(settings);
	return done();
}
