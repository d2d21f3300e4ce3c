/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/entry.h"

#include <stdio.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/act/receipt.h"
#include "daemon/act/terms.h"
#include "daemon/clock/kernel.h"

static void put_landing(const struct migration *m, struct cf_entry *entry)
{
	entry->landing = *work_landing_begin(m->work);
	entry->landing.phase = m->phase;
	entry->landing.has_word = m->work->driver->has_gate;
	entry->landing.word = gated_word(m->work, m->phase);
	work_landing_end(m->work);
}

/* What both sides need for as long as anybody may ask. */
static struct ledger_line *begin(const struct migration *m)
{
	struct ledger_line *line = calloc(1, sizeof(*line));
	struct cf_entry *entry;

	if (!line)
		return NULL;
	line->at = kernel_instant().real;
	snprintf(line->peer, sizeof(line->peer), "%s", m->peer);

	entry = &line->entry;
	snprintf(entry->boot, sizeof(entry->boot), "%s", m->work->boot);
	entry->entered = m->entered;
	entry->has_request = m->side == CF_SOURCE;
	entry->request = m->request;
	entry->has_with_xml = entry->has_request;
	entry->with_xml = m->work->xml || m->work->persistent_xml;
	entry->has_mark = entry->has_request;
	entry->mark = m->mark;
	entry->has_landing = m->side == CF_DESTINATION;
	if (entry->has_landing)
		put_landing(m, entry);
	return line;
}

static void put_evidence(const struct work *work, struct cf_entry *entry)
{
	entry->has_reservation = *work->reservation.uuid;
	entry->reservation = work->reservation;
	entry->has_lease = *work->lease.host;
	entry->lease = work->lease;
	entry->has_record = work->side == CF_SOURCE ? *work->record->guest.uuid : work->has_record;
	entry->record = *work->record;
	entry->has_at_stop = work->peer.has_at_stop;
	entry->at_stop = work->peer.at_stop;
	entry->has_expected_downtime = work->has_expected_downtime;
	entry->expected_downtime = work->expected_downtime;
	entry->has_was_defined = work->has_was_defined;
	entry->was_defined = work->was_defined;
}

struct ledger_line *entry_write(const struct migration *m)
{
	struct ledger_line *line = begin(m);

	if (!line)
		return NULL;
	work_shown(m->work, &line->view);
	line->view.phase = m->phase;
	work_newest_record(m->work);	/* what came in and nobody has looked at is the newest all the same */
	put_evidence(m->work, &line->entry);
	if (!*m->work->receipt->migration.id)	/* else it is the source's, which has given up: that is the whole one */
		receipt_limits(m->work);
	line->receipt = *m->work->receipt;
	return line;
}

/* The source, should it have lost all it knew, has not brought its receipt: it may ask for what it said (CF_ROUTE_SAID). */
static bool is_alone(const struct migration *m)
{
	return m->side == CF_DESTINATION && strcmp(m->work->receipt->author, m->work->settings->host) == 0;
}

struct ledger_line *entry_write_last(const struct migration *m)
{
	struct ledger_line *line = begin(m);

	if (!line)
		return NULL;
	line->ended = true;
	line->owed = m->work->owed;
	work_concluded(m->work, &line->view);
	line->receipt = *m->work->receipt;
	if (is_alone(m))
		put_evidence(m->work, &line->entry);
	return line;
}

struct ledger_line *entry_write_again(const struct migration *m, const struct ledger_line *last)
{
	struct ledger_line *line = malloc(sizeof(*line));

	if (!line)
		return NULL;
	*line = *last;
	line->at = kernel_instant().real;
	line->event[0] = line->why[0] = '\0';
	put_landing(m, &line->entry);
	return line;
}

/* --- and back --- */

static void take_evidence(struct work *work, const struct cf_entry *entry)
{
	work->reservation = entry->reservation;
	work->driver = work_driver(entry->reservation.driver);
	work->lease = entry->lease;
	*work->record = entry->record;
	work->has_record = work->side == CF_DESTINATION && entry->has_record;
	work->has_first_guest_offset = entry->record.guest.has_guest_offset;
	work->first_guest_offset = entry->record.guest.guest_offset;
	work->peer.has_at_stop = entry->has_at_stop;
	work->peer.at_stop = entry->at_stop;
	work->has_expected_downtime = entry->has_expected_downtime;
	work->expected_downtime = entry->expected_downtime;
	work->has_was_defined = entry->has_was_defined;
	work->was_defined = entry->was_defined;
	work->landing = entry->landing;
	if (!entry->has_landing)
		work->landing.lever = CF_LEVER_NONE;
}

/* The instants of another boot: nothing can be held against them any more. */
static void forget_instants(struct work *work)
{
	if (work->receipt->has_stop || work->landing.has_resume)
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "this host booted anew meanwhile");
	work->receipt->has_stop = work->peer.has_at_stop = false;
	work->record->has_stop = work->side == CF_DESTINATION && work->record->has_stop;	/* the source's */
	work->landing.has_resume = work->landing.has_stop = false;
}

/* The source reads it in the landing; who waits here has to hear of it, too. */
static void take_abort(struct work *work)
{
	char asked[CF_DETAIL_ROOM];

	if (!work->landing.has_abort_asked)
		return;
	memcpy(asked, work->landing.abort_asked, sizeof(asked));
	work_abort(work, asked);
}

/* In the words of the receipt, where they stay. */
static void take_limits(struct work *work)
{
	const struct cf_limit_owners *owners = &work->receipt->limit_owners;

	work->limits = (struct cf_both_limits){
		.limits = work->receipt->limits,
		.owner_max_error_bound = owners->max_error_bound,
		.owner_max_skew = owners->max_skew,
		.owner_max_blackout = owners->max_blackout,
		.owner_max_residual = owners->max_residual,
		.owner_gate_grace = owners->others.gate_grace,
		.owner_holdover_max = owners->others.holdover_max,
		.owner_max_stratum = owners->others.max_stratum,
		.owner_require_lever = owners->others.require_lever,
		.owner_correction = owners->others.correction,
		.owner_correction_floor = owners->others.correction_floor,
	};
	terms_override(&work->reservation, &work->lease, &work->limits);
}

/* Of what was asked of the other host nobody may know yet, but only that it may have been. */
static void name_pair(struct work *work, const struct cf_migration *view)
{
	struct cf_reservation *reservation = &work->reservation;

	if (!*reservation->uuid && view->phase >= CF_PHASE_RESERVED)
		snprintf(reservation->uuid, sizeof(reservation->uuid), "%s", view->uuid);
	snprintf(reservation->domain, sizeof(reservation->domain), "%s", view->domain);
	if (work->side == CF_SOURCE)
		snprintf(reservation->destination, sizeof(reservation->destination), "%s", view->destination);
}

/* The time that it may wait went on while no agent was there, by the only clock that did. */
static void take_wait(struct migration *m, const struct ledger_line *line)
{
	const struct cf_migration_request *request = &m->request;
	struct cf_instant now = kernel_instant();
	cf_span waited = cf_span_max(cf_real_since(now.real, line->view.started), (cf_span){ 0 });

	m->complete = line->entry.has_request && line->entry.has_with_xml && !line->entry.with_xml;
	m->may_wait = request->has_wait ? request->wait : m->work->settings->queue_wait;
	m->leave_by = cf_mono_add(now.raw, (cf_span){ m->may_wait.ns - cf_span_min(waited, m->may_wait).ns });
}

void entry_read(struct migration *m, const struct ledger_line *line)
{
	const struct cf_entry *entry = &line->entry;
	struct work *work = m->work;
	bool same_boot = strcmp(entry->boot, work->boot) == 0;

	m->request = entry->request;
	m->mark = entry->mark;
	m->reservation = entry->reservation;
	snprintf(m->uuid, sizeof(m->uuid), "%s", line->view.uuid);
	snprintf(m->peer, sizeof(m->peer), "%s", line->peer);
	m->phase = m->told = line->view.phase;
	m->entered = same_boot ? entry->entered : kernel_instant();
	m->recorded = true;
	if (m->side == CF_DESTINATION)
		snprintf(m->request.domain, sizeof(m->request.domain), "%s", line->view.domain);

	work->shown = line->view;
	*work->receipt = line->receipt;
	work->terms = entry->request.terms;
	work->wish = entry->request.options;
	take_wait(m, line);
	take_evidence(work, entry);
	take_abort(work);
	take_limits(work);
	name_pair(work, &line->view);
	work->autostart_held = m->side == CF_SOURCE && m->phase >= CF_PHASE_COPYING &&
			       work->reservation.persistence.autostart;
	work->booted = !same_boot;
	if (work->booted)
		forget_instants(work);
}
