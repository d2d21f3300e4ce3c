/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How the ramp is carried out: what QEMU and the watchdog hear of it, what of its passes counts, what the
 * receipt has of it, and what the next migration of the pair knows, from this agent or from its ledger.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/act/looker.h"
#include "daemon/act/ramp.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "tests/ledger-made.h"
#include "tests/tap.h"

#define MS(n) ((cf_span){ (n) * CF_MS })

static _Atomic int64_t now = 1000 * CF_S;	/* the ledger's thread asks, too */

cf_mono kernel_raw(void)
{
	return (cf_mono){ now };
}

/* In place of the fleet: one peer, hB */

static struct {
	int learnt, asked, mishaps;
	cf_span most;
} past;

void fleet_learn(struct fleet *fleet, const char *host, const struct cf_ramp_past *one)
{
	(void)fleet;
	past.learnt += strcmp(host, "hB") == 0;
	past.mishaps += one->mishap;
	past.most = cf_span_max(past.most, one->above);
}

bool fleet_overhead(struct fleet *fleet, const char *host, cf_span *ret)
{
	(void)fleet, (void)host;
	past.asked++;
	if (past.learnt)
		*ret = past.most;
	return past.learnt;
}

/* In place of QEMU and the watchdog */

static struct {
	cf_span told, aims_at;	/* what it was told, and has heard */
	cf_span guarded;	/* what the watchdog knew when it was told */
	cf_span watchdog;
} qemu;

void looker_aim(struct looker *looker, cf_span target)
{
	(void)looker;
	qemu.told = target;
	qemu.guarded = qemu.watchdog;
}

void looker_read(struct looker *looker, struct looker_news *ret)
{
	(void)looker;
	memset(ret, 0, sizeof(*ret));
	ret->aims_at = qemu.aims_at;
}

void ward_aims(struct work *work, cf_span max_downtime)
{
	(void)work;
	qemu.watchdog = max_downtime;
}

static struct ledger_made made;
static struct work *work;
static struct settings *settings;
static struct act_context context;

/* A migration to hB whose blackout may be `limit`; nothing is known of the pair but what the ledger has. */
static void begin(cf_span limit)
{
	memset(&past, 0, sizeof(past));
	memset(&qemu, 0, sizeof(qemu));
	memset(&work->ramp, 0, sizeof(work->ramp));
	memset(work->receipt, 0, sizeof(*work->receipt));
	memset(&work->shown, 0, sizeof(work->shown));
	work->limits.limits.max_blackout = limit;
	work->held_back = false;
	work->has_expected_downtime = false;
	ramp_begin(work);
	qemu.aims_at = ramp_target(work);
}

/* The pass that was under way took so long. */
static void pass(int64_t number, cf_span took)
{
	now += took.ns;
	ramp_look(work, number);
}

/* One that has ended: what the pair needed above the memory. */
static void in_ledger(int n, enum cf_side side, const char *peer, enum cf_phase phase, bool has_above, cf_span above)
{
	struct ledger_line *line = ledger_made_line(n, phase, true);

	snprintf(line->peer, sizeof(line->peer), "%s", peer);
	line->view.side = line->receipt.migration.side = side;
	line->receipt.has_ramp = true;
	line->receipt.ramp = (struct cf_ramp_used){ .has_above = has_above, .above = above };
	if (ledger_made_write(&made, line, MS(30000), NULL) < 0)
		abort();
}

static void test_past(void)
{
	begin(MS(1000));
	ok(work->ramp_rules.first.ns == 10 * CF_MS && work->ramp_rules.most.ns == 500 * CF_MS,
	   "a pair without a past: from 10 ms up to half of the limit");

	in_ledger(1, CF_SOURCE, "hB", CF_PHASE_DONE, true, MS(100));
	in_ledger(2, CF_SOURCE, "hB", CF_PHASE_DONE, true, MS(250));
	in_ledger(3, CF_SOURCE, "hB", CF_PHASE_DONE, false, MS(800));
	in_ledger(4, CF_DESTINATION, "hB", CF_PHASE_DONE, true, MS(900));
	in_ledger(5, CF_SOURCE, "hC", CF_PHASE_DONE, true, MS(700));
	in_ledger(6, CF_SOURCE, "hB", CF_PHASE_ABORTED, true, MS(600));
	begin(MS(1000));
	ok(work->ramp_rules.most.ns == 750 * CF_MS,
	   "an agent that was restarted has it from its ledger: the limit less what the pair has needed above it");
	ok(past.learnt == 2, "... of those that went from here to there and arrived, and of no others");
	ramp_begin(work);
	ok(past.learnt == 2 && past.asked == 3, "... once");

	begin(MS(100));
	ok(work->ramp_rules.most.ns == work->ramp_rules.first.ns && ramp_target(work).ns == 10 * CF_MS,
	   "where they have needed more than the limit it stays where it begins");

	snprintf(work->record->guest.type, sizeof(work->record->guest.type), "qemu");
	begin(MS(1000));
	ok(ramp_target(work).ns == 300 * CF_MS, "a guest that QEMU emulates begins at QEMU's own 300 ms");
	settings->copy.max_downtime = MS(20);
	begin(MS(1000));
	ok(ramp_target(work).ns == 20 * CF_MS, "but where it was set, there");
	settings->copy.max_downtime = MS(0);
	snprintf(work->record->guest.type, sizeof(work->record->guest.type), "kvm");
}

static void test_raises(void)
{
	int64_t n = 1;

	begin(MS(1000));
	pass(n++, MS(0));
	pass(n++, MS(5000));
	for (int64_t took = 1600; took >= 200; took /= 2)
		pass(n++, MS(took));
	ok(ramp_target(work).ns == 10 * CF_MS && qemu.told.ns == 10 * CF_MS, "as long as passes get shorter nothing is raised");
	pass(n++, MS(210));
	pass(n++, MS(205));
	ok(ramp_target(work).ns == 200 * CF_MS && work->ramp.raises == 1, "once they do not, the shortest is aimed at");
	ok(qemu.told.ns == 200 * CF_MS && qemu.guarded.ns == 200 * CF_MS, "QEMU is told, and the watchdog before it");

	for (int i = 0; i < 5; i++)
		pass(n++, MS(400));
	ok(work->ramp.raises == 1, "until QEMU has heard of it no pass is a measure");
	qemu.aims_at = qemu.told;
	for (int i = 0; i < 4; i++)
		pass(n++, MS(400));
	ok(ramp_target(work).ns == 400 * CF_MS && work->ramp.raises == 2, "then they are again");

	ramp_hold(work, true);
	ok(qemu.told.ns == CF_MS && ramp_target(work).ns == 400 * CF_MS, "while the gate is closed QEMU aims at 1 ms");
	qemu.aims_at = qemu.told;
	for (int i = 0; i < 10; i++)
		pass(n++, MS(600));
	ok(ramp_target(work).ns == 400 * CF_MS, "what passes then raises nothing");
	ramp_hold(work, false);
	ok(qemu.told.ns == 400 * CF_MS, "and once it is open again QEMU aims where it did");

	for (int i = 0; i < 200; i++) {
		qemu.aims_at = qemu.told;
		pass(n++, MS(5000));
	}
	ok(ramp_target(work).ns == work->ramp_rules.most.ns && work->ramp.raises <= 22,
	   "a network that breaks down raises it to the most, and no further");
	pass(0, MS(5000));
	ok(ramp_target(work).ns == work->ramp_rules.most.ns, "a pass that nobody knows is none");
}

#define AT(s) { INT64_C(1795000000) * CF_S + (s) * CF_S }

static void test_mishaps(void)
{
	const struct cf_ramp_past last[] = {
		{ MS(18000), true, AT(0) }, { MS(17000), true, AT(60) }, { MS(120), false, AT(-86400) }, { MS(200), false, AT(-7200) },
		{ MS(60000), true, AT(120) },
	};
	const cf_real soon = AT(180), later = AT(60 + 3600), too_late = AT(60 + 3601), set_back = AT(-3601);
	cf_span expected = MS(7);

	ok(!cf_ramp_expect(last, 0, soon, &expected) && !cf_ramp_expect(last, 1, soon, &expected) && expected.ns == 7 * CF_MS,
	   "nothing is expected of a pair without a past, nor by one mishap alone");
	ok(cf_ramp_expect(last, 4, soon, &expected) && expected.ns == 200 * CF_MS,
	   "else the most of the last ones, but for mishaps: one libvirtd that hangs may be several");
	ok(cf_ramp_expect(last, 5, soon, &expected) && expected.ns == 200 * CF_MS, "... and they need not be of one time");
	ok(cf_ramp_expect(last, 2, later, &expected) && expected.ns == 18000 * CF_MS,
	   "a pair that was never seen to need less is expected to need that");
	ok(!cf_ramp_expect(last, 2, too_late, &expected) && !cf_ramp_expect(last, 2, set_back, &expected),
	   "... but not for good, since nobody would learn that it does no more");
	ok(cf_ramp_expect(last + 2, 2, too_late, &expected) && expected.ns == 200 * CF_MS, "what was within the limit is known for good");
}

/* Every guest of a pair is asked for once a minute, and those that are let go need so long. */
static int64_t refused_of(int64_t n, cf_span limit, cf_span (*needs)(int64_t i))
{
	struct cf_ramp_past last[8];
	int64_t refused = 0, learnt = 0;
	cf_span above;

	for (int64_t i = 0; i < n; i++) {
		cf_real at = AT(60 * i);
		size_t known = learnt < 8 ? learnt : 8;

		if (cf_ramp_expect(last, known, at, &above) && cf_span_cmp(above, limit) > 0)
			refused++;
		else
			last[learnt++ % 8] = (struct cf_ramp_past){ needs(i), cf_span_cmp(needs(i), limit) > 0, at };
	}
	return refused;
}

static cf_span always_slow(int64_t i) { return MS(3000 + i % 7); }
static cf_span hung_at_first(int64_t i) { return i < 2 ? MS(12000) : MS(200); }
static cf_span hung_later(int64_t i) { return i == 20 || i == 21 || i == 25 ? MS(12000) : MS(200); }

static void test_lock(void)
{
	int64_t n = 24 * 60, slow = refused_of(n, MS(1000), always_slow), first = refused_of(n, MS(1000), hung_at_first);

	ok(n - slow <= 2 + 24, "a pair that always needs more than it may is refused, but for one an hour: %lld let go in a day",
	   (long long)(n - slow));
	ok(first > 0 && first <= 60, "one that did so at first is, too, for an hour: %lld times", (long long)first);
	ok(refused_of(n, MS(1000), hung_later) == 0, "and one that is known to need less never");
}

static void test_receipt(void)
{
	const struct cf_ramp_used *used = &work->receipt->ramp;

	begin(MS(1000));
	past.learnt = 0;
	work->ramp.target = MS(200);
	work->ramp.raises = 3;
	ramp_learn(work);
	ok(work->receipt->has_ramp && used->first.ns == 10 * CF_MS && used->last.ns == 200 * CF_MS && used->raises == 3,
	   "the receipt has where it began and ended");
	ok(!used->has_above && !used->has_error && past.learnt == 0,
	   "where the blackout was not measured it has no error, and nobody learns anything");

	work->receipt->has_blackout = true;
	work->receipt->blackout = (struct cf_interval){ MS(240), MS(260) };
	work->has_expected_downtime = true;
	work->expected_downtime = MS(180);
	ramp_learn(work);
	ok(used->has_above && used->above.ns == 80 * CF_MS, "else what was needed above the memory");
	ok(past.learnt == 1 && past.most.ns >= 80 * CF_MS, "... which the next one of the pair is told");
	ok(!used->has_error, "a copy of which nobody predicted anything has no error");

	work->shown.has_progress = work->shown.progress.has_predicted_blackout = true;
	work->shown.progress.predicted_blackout = MS(230);
	ramp_learn(work);
	ok(used->has_error && used->error.low.ns == 10 * CF_MS && used->error.high.ns == 30 * CF_MS,
	   "the prediction's error is the blackout less what was shown last");

	work->receipt->has_gated = work->receipt->gated.has_so_far = true;
	work->receipt->gated.so_far = MS(150);
	ramp_learn(work);
	ok(used->above.ns == 110 * CF_MS, "what came after the memory is above, whatever QEMU had said");

	past.mishaps = 0;
	work->receipt->limits.max_blackout = MS(260);
	ramp_learn(work);
	ok(past.mishaps == 0, "one that stood still for as long as it may is no mishap");
	work->receipt->blackout.high = MS(261);
	ramp_learn(work);
	ok(past.mishaps == 1, "... one that did so for longer is");
	work->receipt->has_gated = false;
	ramp_learn(work);
	ok(past.mishaps == 2, "... with a gate or without");

	memset(work->receipt, 0, sizeof(*work->receipt));
	work->ramp.target = MS(0);
	ramp_learn(work);
	ok(!work->receipt->has_ramp, "of a copy that an agent began which died nothing is said");
}

int main(void)
{
	ledger_made_begin(&made);
	ledger_made_open(&made);
	work = calloc(1, sizeof(*work));
	settings = calloc(1, sizeof(*settings));
	if (!work || !settings)
		return 1;
	work->record = calloc(1, sizeof(*work->record));
	work->receipt = calloc(1, sizeof(*work->receipt));
	if (!work->record || !work->receipt)
		return 1;
	context.ledger = made.ledger;
	work->context = &context;
	work->settings = settings;
	work->looker = (struct looker *)&qemu;
	snprintf(work->record->guest.type, sizeof(work->record->guest.type), "kvm");
	snprintf(work->reservation.destination, sizeof(work->reservation.destination), "hB");

	test_past();
	test_raises();
	test_mishaps();
	test_lock();
	test_receipt();

	free(work->receipt);
	free(work->record);
	free(settings);
	free(work);
	ledger_made_end(&made);
	return done();
}
