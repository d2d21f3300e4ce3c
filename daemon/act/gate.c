/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/gate.h"

#include <string.h>

#include "daemon/act/gather.h"
#include "daemon/act/ramp.h"
#include "daemon/clock/kernel.h"

int gate_watch(struct work *work, struct cf_error *err)
{
	struct lookout_news known = { .offset = work->peer.offset, .report = work->lease.report };

	memcpy(known.boot, work->peer.boot, sizeof(known.boot));
	return lookout_new(&work->lookout, work->context,
			   &(struct lookout_options){ .destination = work->reservation.destination,
						      .migration = work->id, .known = &known,
						      .heartbeat = work->driver->has_gate }, err);
}

static void take_news(struct work *work)
{
	struct lookout_news news;

	lookout_read(work->lookout, &news);
	work->peer.offset = news.offset;
	memcpy(work->peer.boot, news.boot, sizeof(work->peer.boot));
	work->lease.report = news.report;
}

void gate_leave(struct work *work)
{
	lookout_stop(work->lookout);
	take_news(work);
}

void gate_evidence(struct work *work, struct cf_report *report, struct cf_pair_evidence *ret)
{
	struct cf_instant now;

	take_news(work);
	gather_report(work->context, report);
	now = kernel_instant();
	*ret = (struct cf_pair_evidence){
		.source = work->settings->host,
		.destination = work->reservation.destination,
		.source_report = report,
		.destination_report = &work->lease.report,
		.has_host_offset = work->peer.offset.rounds > 0,
		.host_offset = cf_offset_real(&work->peer.offset, now,
					      cf_slew_since(&work->peer.offset, &work->lease.report, now.raw)),
		.now = now.real,
	};
}

static enum cf_gate_state judge(struct work *work, struct cf_findings *findings)
{
	struct cf_report report;
	struct cf_pair_evidence pair;
	struct cf_migration *shown;

	gate_evidence(work, &report, &pair);
	shown = work_show_begin(work);
	shown->has_host_offset = pair.has_host_offset;
	shown->host_offset = pair.host_offset;
	work_show_end(work);
	return cf_gate_during(&pair, &work->limits, kernel_raw(), &work->gate, findings);
}

/*
 * What the gate finds now takes the place of what it found of the same before.
 * What closes it for a while is not for the receipt of a migration that went on.
 */
static void show_findings(struct work *work, const struct cf_findings *findings, bool refusals)
{
	struct cf_migration *shown = work_show_begin(work);

	for (size_t i = 0; i < findings->n_list; i++) {
		const struct cf_finding *fresh = &findings->list[i];
		size_t at = 0;

		if (cf_finding_refuses(fresh) && !refusals)
			continue;
		while (at < shown->n_findings && (shown->findings[at].code != fresh->code ||
						  strcmp(shown->findings[at].subject, fresh->subject) != 0))
			at++;
		if (at < CF_COUNT(shown->findings))
			shown->findings[at] = *fresh;
		if (at == shown->n_findings && at < CF_COUNT(shown->findings))
			shown->n_findings++;
	}
	work_show_end(work);
}

void gate_show(struct work *work, const struct cf_findings *findings)
{
	show_findings(work, findings, true);
}

/* Nobody there would see the guest come in, nor care for its clock; or somebody there has asked for an abort. */
bool gate_is_let_go(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct lookout_news news;

	lookout_read(work->lookout, &news);
	if (news.abort_asked)
		act_say_asked(why, news.let_go_why, work->reservation.destination);
	else if (news.let_go)
		act_say(why, "%s does not expect the guest any more%s%s", work->reservation.destination,
			*news.let_go_why ? ": " : "", news.let_go_why);
	return news.let_go || news.abort_asked;
}

void gate_judge(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_findings findings = { 0 };
	enum cf_gate_state gate;

	if (gate_is_let_go(work, why))
		return;

	gate = judge(work, &findings);
	show_findings(work, &findings, gate == CF_GATE_ABORT);
	if (gate == CF_GATE_ABORT)
		act_say_refusal(why, "the gate closed during the copy: ", findings.list, findings.n_list);
	else
		ramp_hold(work, gate == CF_GATE_CLOSED);
}
