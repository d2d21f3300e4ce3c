/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of a copy whose connection was cut: the guard's end is played. */

#include <stdlib.h>
#include <string.h>

#include "daemon/act/pulse.h"
#include "daemon/act/ramp.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/settings.h"
#include "daemon/virt/cutter.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static struct guard_end end;
static struct cutter_terms terms;
static int pulses;

int cutter_new(struct watchdog *dog, struct guest_watch *watch, const struct cutter_terms *given, struct cutter **ret,
	       struct cf_error *err)
{
	static char cutter;

	(void)dog, (void)watch, (void)err;
	terms = *given;
	*ret = (struct cutter *)&cutter;
	return 0;
}

enum cf_watch cutter_read(struct cutter *cutter, struct guard_end *ret)
{
	(void)cutter;
	*ret = end;
	return CF_WATCH_RUNS;
}

/* --- what else it does, and this test is not about --- */

struct cutter *cutter_free(struct cutter *cutter) { (void)cutter; return NULL; }
int cutter_want(struct cutter *cutter, enum socket_use use, const char *uri, size_t expected, struct cf_error *err)
{
	(void)cutter, (void)use, (void)uri, (void)expected, (void)err;
	return 0;
}
void cutter_look(struct cutter *cutter, struct sockets_seen *ret) { (void)cutter, (void)ret; }
void cutter_heard(struct cutter *cutter) { (void)cutter; }
void cutter_copied(struct cutter *cutter, const struct cf_progress *progress) { (void)cutter, (void)progress; }
void cutter_aims(struct cutter *cutter, cf_span max_downtime) { (void)cutter, (void)max_downtime; }
bool cutter_cut(struct cutter *cutter) { (void)cutter; return false; }
bool cutter_loaded(struct cutter *cutter) { (void)cutter; return false; }

int pulse_new(struct pulse **ret, const struct act_context *context, const char *uuid, cf_span heartbeat,
	      void (*heard)(void *userdata), void *userdata, struct cf_error *err)
{
	(void)context, (void)uuid, (void)heartbeat, (void)heard, (void)userdata, (void)err;
	pulses++;
	*ret = NULL;
	return 0;
}
void pulse_end(struct pulse *pulse) { (void)pulse; }
struct pulse *pulse_free(struct pulse *pulse) { (void)pulse; return NULL; }

cf_span ramp_target(const struct work *of) { (void)of; return (cf_span){ 0 }; }

/* --- the tests --- */

static void test_has_cut(struct work *work)
{
	static const struct {
		const char *sentence;
		struct guard_end end;
		bool cut, noted;
		const char *why;
	} rows[] = {
		{ "one that is under way", { 0 }, false, false, "" },
		{ "one that was loaded", { .loaded = true }, false, false, "" },
		{ "for want of a heartbeat", { .cut = true, .reason = GUARD_HEARTBEAT, .late = { 42 } }, true, true, "libvirtd was not heard" },
		{ "for the blackout", { .cut = true, .reason = GUARD_BLACKOUT, .late = { 42 } }, true, true, "stood still" },
		{ "after its QEMU", { .cut = true, .reason = GUARD_ENDED }, true, false, "QEMU has ended" },
		{ "as it was asked to", { .cut = true, .reason = GUARD_ASKED }, false, false, "" },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		struct cf_receipt *receipt = work->receipt;
		char why[CF_DETAIL_ROOM] = "";
		bool cut;

		memset(receipt, 0, sizeof(*receipt));
		end = rows[i].end;
		cut = ward_has_cut(work, why);
		ok(cut == rows[i].cut && !*why == !*rows[i].why && strstr(why, rows[i].why), "%s: %s", rows[i].sentence, why);
		ok(receipt->has_cut_late == rows[i].noted && (!rows[i].noted || receipt->cut_late.ns == 42),
		   "... %s of the receipt", rows[i].noted ? "a cut" : "no cut");
	}
}

/* A limit that nobody enforces cuts nothing, neither for the blackout nor as libvirtd says nothing. */
static void test_terms(struct work *work)
{
	struct cf_both_limits *limits = &work->limits;

	limits->limits.max_blackout = (cf_span){ CF_S };
	for (int enforced = 0; enforced < 2; enforced++) {
		limits->limits.has_mode = true;
		limits->limits.mode = enforced ? CF_ENFORCE : CF_OBSERVE;
		pulses = 0;
		ward_begin(work, "tcp:hB");
		ok((terms.limit.ns == CF_S) == enforced && (terms.heartbeat.ns < CF_S) == enforced && pulses == enforced,
		   "a limit that is %senforced: %lld s, libvirtd heard of within %lld ms", enforced ? "" : "not ",
		   (long long)(terms.limit.ns / CF_S), (long long)(terms.heartbeat.ns / CF_MS));
		work->ward = ward_free(work->ward);
	}
}

/* For a while after a cut QEMU ends it by itself; longer where it may have waited for libvirtd. */
static void test_ends(struct work *work)
{
	static const struct {
		const char *sentence;
		bool cut;
		size_t n;
		int64_t cut_ms, answers_ms;	/* ago */
		bool ends;
	} rows[] = {
		{ "one that is under way",                    false, 0, 0,     60000, false },
		{ "one that was cut now",                     true,  1, 0,     60000, true },
		{ "... before it was connected",              true,  0, 0,     60000, false },
		{ "... long ago",                             true,  1, 60000, 60000, false },
		{ "... long ago, libvirtd answers since now", true,  1, 60000, 0,     true },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		cf_mono now = kernel_raw();

		end = (struct guard_end){ .cut = rows[i].cut, .n = rows[i].n, .at = cf_mono_add(now, (cf_span){ -rows[i].cut_ms * CF_MS }) };
		ok(ward_ends(work, cf_mono_add(now, (cf_span){ -rows[i].answers_ms * CF_MS })) == rows[i].ends, "%s: QEMU %s by itself",
		   rows[i].sentence, rows[i].ends ? "ends" : "does not end");
	}
}

int main(void)
{
	static char dog;
	const struct act_context context = { .dog = (struct watchdog *)&dog };
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return 1;
	work->context = &context;
	work->receipt = calloc(1, sizeof(*work->receipt));
	work->record = calloc(1, sizeof(*work->record));
	work->settings = calloc(1, sizeof(*work->settings));
	ok(!ward_ends(work, (cf_mono){ 0 }), "what has no ward does not end by itself");
	ward_begin(work, "tcp:hB");
	test_has_cut(work);
	test_ends(work);
	work->ward = ward_free(work->ward);
	test_terms(work);
	work->ward = ward_free(work->ward);
	free(work->settings);
	free(work->record);
	free(work->receipt);
	free(work);
	return done();
}
