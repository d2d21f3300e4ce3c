/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* capturing: the guest's clock record, taken now and handed to the destination before anything is copied. */

#include <stdio.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/notice.h"
#include "daemon/act/record.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/guest.h"
#include "policy/guest.h"

#define PATIENCE ((cf_span){ 10 * CF_S })
#define LATELY   ((cf_span){ CF_S })	/* within which no clock moves by what a reading could show */

bool record_take_guest_offset(struct work *work, bool read, const struct cf_guest_offset *fresh, const char *why)
{
	struct cf_guest_clock *guest = &work->record->guest;
	struct cf_guest_offset now = *fresh;

	if (!read) {
		/* The first reason says most: a call that hangs keeps later ones out, and a domain that is leaving has none. */
		if (!*guest->guest_offset_why)
			snprintf(guest->guest_offset_why, sizeof(guest->guest_offset_why), "%s", why);
		return false;
	}

	if (!work->has_first_guest_offset) {
		work->has_first_guest_offset = true;
		work->first_guest_offset = *fresh;
	}
	/* In the copy the guest can be slow to answer: what that says may be less than what is known. */
	if (guest->has_guest_offset && !cf_guest_offset_meet(&guest->guest_offset, &now))
		return true;
	guest->has_guest_offset = true;
	guest->guest_offset = now;
	cf_guest_rate(&work->first_guest_offset, &guest->guest_offset);
	guest->guest_offset_why[0] = '\0';
	if (guest->lever != CF_LEVER_KVM)
		guest->lever = CF_LEVER_GUEST_AGENT;
	return true;
}

void record_begin(struct work *work, const struct cf_guest_clock *guest)
{
	work->record->guest = *guest;
	work->has_first_guest_offset = false;
	if (guest->has_guest_offset)
		record_take_guest_offset(work, true, &guest->guest_offset, "");
}

bool record_guest_offset(struct work *work, cf_span patience)
{
	const struct cf_guest_clock *guest = &work->record->guest;
	struct cf_guest_offset fresh = { 0 };
	struct cf_error err = { 0 };
	int r;

	if (!guest->agent_configured || !work->link)
		return false;
	r = guest_offset_read(work->link, guest->uuid, work->settings->guest.rounds, cf_mono_add(kernel_raw(), patience),
			      &fresh, &err);
	return record_take_guest_offset(work, r == 0, &fresh, err.text);
}

/* The vCPUs' counters and the host's, as close together as they can be read. */
static void record_counters(struct work *work)
{
	struct cf_guest_clock *guest = &work->record->guest;
	struct counter_reading counter;
	struct cf_error err = { 0 };
	pid_t pid;

	if (strcmp(guest->type, "kvm") == 0 &&
	    counters_pid(&counter_roots, guest->domain, guest->uuid, &pid, &err) == 0)
		counters_read(&counter_roots, pid, guest->vcpus, &guest->n_vcpus, &err);
	work->record->has_host_counter = counter_read(&counter);
	if (work->record->has_host_counter) {
		work->record->host_counter = counter.ticks;
		work->record->host_at = counter.at;
	}
}

int record_send(struct work *work, cf_span patience, struct cf_error *err)
{
	const struct cf_report *report = &work->receipt->source_report;
	const char *segments[] = { work->id };
	struct cf_record *record = work->record;
	struct cf_accepted accepted;

	record->host_at = kernel_instant();
	record_counters(work);
	record->has_tai = report->has_tai_s;
	record->tai_s = report->tai_s;
	record->has_host_counter_hz = report->has_counter_hz;
	record->host_counter_hz = report->counter_hz;
	record->has_raw_offset = record->has_stop ? work->peer.has_at_stop : work->peer.offset.rounds > 0;
	record->raw_offset = record->has_stop ? work->peer.at_stop
					      : cf_offset_raw(&work->peer.offset, record->host_at.raw);
	memcpy(record->destination_boot, work->peer.boot, sizeof(record->destination_boot));

	return call_do(work->peer.call, CF_ROUTE_RECORD, segments, NULL, record, &accepted, patience, NULL, err);
}

/* The check has read it; it may have waited since, for the destination's answer. */
static bool known_lately(const struct cf_guest_clock *guest)
{
	return guest->has_guest_offset &&
	       cf_span_cmp(cf_mono_since(kernel_raw(), guest->guest_offset.at.raw), LATELY) < 0;
}

enum cf_event act_capture(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_error err = { 0 };

	if (!known_lately(&work->record->guest))
		record_guest_offset(work, work->settings->guest.timeout);
	notice_marker_before(work, work->settings->guest.timeout);
	if (record_send(work, PATIENCE, &err) < 0) {
		act_say(why, "the clock record was not accepted: %s", err.text);
		return CF_EV_FAILED;
	}

	return work_aborted(work, why) ? CF_EV_ABORT : CF_EV_CAPTURED;
}
