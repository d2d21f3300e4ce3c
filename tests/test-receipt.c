/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a receipt says at the end of what was measured, and whether the lag was to be expected. */

#include <stdio.h>
#include <string.h>

#include "daemon/act/receipt.h"
#include "tests/fake-unmeasured.h"
#include "tests/receipt-made.h"
#include "tests/tap.h"

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
		struct work *work = work_made();
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
		work_unmade(work);
	}
}

static void test_figures(void)
{
	struct work *work = work_made();
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
	work_unmade(work);

	work = work_made();
	fill(work, 0);
	work->receipt->landing.resume = at(4900, 900);
	receipt_complete(work);
	ok(!work->receipt->has_blackout && !work->receipt->has_predicted_lag && !work->receipt->lag_surprising &&
	   strstr(unmeasured, "RESUME lies before STOP"), "a RESUME before STOP is no blackout: %s", unmeasured);
	work_unmade(work);

	work = work_made();
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
	work_unmade(work);

	work = work_made();
	fill(work, 0);
	work->peer.has_at_stop = false;
	receipt_complete(work);
	ok(!work->receipt->has_blackout && !work->receipt->has_offset_during, "without an offset there is none either");
	work_unmade(work);
}

/*
 * A guest that follows the oscillator of the host it is on, which gains 30 ppm on the one where it comes to: it gains
 * nothing on either.
 */
static void test_frequency_step(void)
{
	struct work *work = work_made();
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
	work_unmade(work);
}

/* A destination alone has a receipt that can be read, too: limits of 0 nobody ever had. */
static void test_alone(void)
{
	struct work *work = work_made();

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
	work_unmade(work);
}

int main(void)
{
	receipt_made_begin();
	test_lags();
	test_figures();
	test_frequency_step();
	test_alone();
	receipt_made_end();
	return done();
}
