/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's clock in the record, over readings that go well or not; and what is sent. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/notice.h"
#include "daemon/act/record.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/guest.h"
#include "proto/base.h"
#include "tests/fake-call.h"
#include "tests/tap.h"

#define REAL (INT64_C(1790000000) * CF_S)	/* REALTIME - RAW of the host */

static int64_t now = 1000 * CF_S;	/* RAW */
static const char *answer;		/* of the guest's agent: why it fails, or NULL */
static int answer_error;
static int64_t ahead;			/* its clock, when it does not, ... */
static int64_t within = 100 * CF_US;	/* ... and how well that can be told */
static int asked;
static struct cf_record sent;

/* In place of the machine's clocks, the guest and the peer */

cf_mono kernel_raw(void)
{
	return (cf_mono){ now };
}

struct cf_instant kernel_instant(void)
{
	return (struct cf_instant){ .raw = { now }, .real = { now + REAL } };
}

int guest_offset_read(struct virt_link *link, const char *uuid, int rounds, cf_mono deadline,
		      struct cf_guest_offset *ret, struct cf_error *err)
{
	(void)link;
	(void)uuid;
	(void)deadline;
	asked++;
	if (answer)
		return cf_fail(err, answer_error, CF_HOST, "%s", answer);
	*ret = (struct cf_guest_offset){ .offset = cf_interval_around((cf_span){ ahead }, (cf_span){ within }),
					 .at = kernel_instant(), .rounds = rounds };
	return 0;
}

void notice_marker_before(struct work *work, cf_span patience)
{
	(void)patience;
	work->record->has_disruption = true;
	work->record->disruption = 5;
}

int fake_answer(const struct fake_asked *question, struct cf_error *err)
{
	(void)err;
	if (question->route == CF_ROUTE_RECORD)
		sent = *(const struct cf_record *)question->request;
	return 0;
}

bool work_aborted(struct work *work, char why[static CF_DETAIL_ROOM])
{
	(void)work;
	(void)why;
	return false;
}

static struct work *work;

static void begin(void)
{
	struct cf_guest_clock *guest = &work->record->guest;

	memset(guest, 0, sizeof(*guest));
	guest->agent_configured = true;
	work->has_first_guest_offset = false;
	answer = NULL;
	ahead = 0;
	within = 100 * CF_US;
}

static bool fails(int error, const char *why)
{
	answer_error = error;
	answer = why;
	return !record_guest_offset(work, (cf_span){ CF_S });
}

static bool goes_well(int64_t is_ahead)
{
	answer = NULL;
	ahead = is_ahead;
	return record_guest_offset(work, (cf_span){ CF_S });
}

/* A call that hangs, one that it keeps out, and one about a domain that has left. */
static void test_first_reason(void)
{
	const struct cf_guest_clock *guest = &work->record->guest;

	begin();
	ok(fails(ETIMEDOUT, "it did not answer") && strcmp(guest->guest_offset_why, "it did not answer") == 0,
	   "an agent that does not answer: that is told");
	ok(fails(EALREADY, "an earlier call hangs") && strcmp(guest->guest_offset_why, "it did not answer") == 0,
	   "... and still is when the call that hangs keeps another one out");
	ok(fails(ENOENT, "no such domain") && strcmp(guest->guest_offset_why, "it did not answer") == 0,
	   "... and when the domain has left since");
	ok(!guest->has_guest_offset, "... and nothing is known");
}

static void test_later_failure(void)
{
	const struct cf_guest_clock *guest = &work->record->guest;

	begin();
	fails(ENOTCONN, "not connected");
	ok(goes_well(CF_S) && guest->has_guest_offset && !*guest->guest_offset_why, "an agent that is there later is heard");
	ok(guest->lever == CF_LEVER_GUEST_AGENT, "... and is a lever");
	ok(fails(ETIMEDOUT, "it did not answer") && guest->has_guest_offset && guest->guest_offset.offset.high.ns > CF_S,
	   "what was known stays known when it falls silent");
}

/* While memory is copied the agent of a busy guest may need half a second for one answer. */
static void test_bad_moment(void)
{
	const struct cf_guest_offset *offset = &work->record->guest.guest_offset;
	int64_t first;

	begin();
	goes_well(CF_S);
	first = offset->at.raw.ns;
	now += 10 * CF_S;
	within = 250 * CF_MS;
	ok(goes_well(CF_S - 150 * CF_MS) && offset->at.raw.ns == first && cf_interval_width(offset->offset).ns == 200 * CF_US,
	   "a reading with room for all that an earlier one says adds nothing");
	ok(goes_well(CF_S + 255 * CF_MS) && offset->at.raw.ns == now, "... one that has not may tell of a step, and counts, wide as it is");
	within = 100 * CF_US;
	ok(goes_well(CF_S + 300 * CF_MS) && cf_interval_width(offset->offset).ns == 200 * CF_US, "... until a better one comes");
}

static void test_rate(void)
{
	const struct cf_guest_offset *offset = &work->record->guest.guest_offset;

	begin();
	goes_well(CF_S);
	ok(!offset->has_rate, "one reading knows no rate");
	now += 10 * CF_S;
	goes_well(CF_S + CF_MS);
	ok(offset->has_rate && offset->rate.ppm - offset->rate.bound_ppm < 100 &&
	   offset->rate.ppm + offset->rate.bound_ppm > 100, "1 ms in 10 s is 100 ppm: %g +- %g", offset->rate.ppm,
	   offset->rate.bound_ppm);
	now += 10 * CF_S;
	goes_well(CF_S + 2 * CF_MS);
	ok(offset->has_rate && offset->rate.bound_ppm < 15, "... and is known better over 20 s: +- %g",
	   offset->rate.bound_ppm);
}

/* A guest is not asked again for what it has just said. */
static void test_lately(void)
{
	struct cf_guest_clock seen = { .agent_configured = true };
	char why[CF_DETAIL_ROOM];

	begin();
	guest_offset_read(NULL, "", 8, (cf_mono){ now }, &seen.guest_offset, NULL);
	seen.has_guest_offset = true;
	record_begin(work, &seen);
	asked = 0;
	now += CF_S / 2;
	ok(act_capture(work, why) == CF_EV_CAPTURED && asked == 0 && sent.guest.guest_offset.at.raw.ns == now - CF_S / 2,
	   "what the check has just read is sent");
	now += 10 * CF_S;
	ahead = CF_MS;
	ok(act_capture(work, why) == CF_EV_CAPTURED && asked == 1 && sent.guest.guest_offset.at.raw.ns == now,
	   "what is older is read again");
	ok(sent.guest.guest_offset.has_rate, "... and from both the guest's rate is known");
	begin();
	record_begin(work, &(struct cf_guest_clock){ .agent_configured = true, .guest_offset_why = "not connected" });
	ok(act_capture(work, why) == CF_EV_CAPTURED && asked == 2 && sent.guest.has_guest_offset,
	   "a guest that said nothing is asked once more");
}

static void test_send(void)
{
	struct cf_error err = { 0 };
	char why[CF_DETAIL_ROOM];

	begin();
	work->peer.offset = (struct cf_offset){ 0 };
	snprintf(work->peer.boot, sizeof(work->peer.boot), "that boot");
	goes_well(CF_S);
	ok(act_capture(work, why) == CF_EV_CAPTURED && sent.guest.has_guest_offset && !sent.has_stop,
	   "the first record has the guest's clock");
	ok(sent.has_disruption && sent.disruption == 5, "... and its vmclock's marker");
	ok(!sent.has_raw_offset, "... and no offset of the hosts, of which no round has told");
	ok(sent.host_at.raw.ns == now && strcmp(sent.destination_boot, "that boot") == 0,
	   "... when that was, and for which boot of the destination it holds");
	work->record->has_stop = work->peer.has_at_stop = true;
	work->record->stop = kernel_instant();
	work->peer.at_stop = cf_interval_around((cf_span){ 5 * CF_S }, (cf_span){ CF_US });
	ok(record_send(work, (cf_span){ CF_S }, &err) == 0 && sent.has_stop && sent.has_raw_offset && sent.raw_offset.low.ns == work->peer.at_stop.low.ns &&
	   sent.raw_offset.high.ns == work->peer.at_stop.high.ns, "the completed one has the offset at STOP");
}

int main(void)
{
	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->settings = calloc(1, sizeof(*work->settings));
	work->record = calloc(1, sizeof(*work->record));
	work->receipt = calloc(1, sizeof(*work->receipt));
	if (!work->settings || !work->record || !work->receipt)
		return 1;
	work->link = (struct virt_link *)work;	/* there is one; nobody looks into it */
	work->settings->guest.rounds = 8;

	test_first_reason();
	test_later_failure();
	test_bad_moment();
	test_rate();
	test_lately();
	test_send();

	free(work->settings);
	free(work->record);
	free(work->receipt);
	free(work);
	return done();
}
