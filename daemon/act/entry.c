/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/entry.h"

#include <stdio.h>
#include <string.h>

#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"

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
	entry->has_request = m->side == CF_SOURCE;
	entry->request = m->request;
	entry->has_mark = entry->has_request;
	entry->mark = m->mark;
	entry->has_landing = m->side == CF_DESTINATION;
	if (entry->has_landing) {
		entry->landing = *work_landing_begin(m->work);
		entry->landing.phase = m->phase;
		work_landing_end(m->work);
	}
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
}

struct ledger_line *entry_write(const struct migration *m)
{
	struct ledger_line *line = begin(m);

	if (!line)
		return NULL;
	work_shown(m->work, &line->view);
	line->view.phase = m->phase;
	put_evidence(m->work, &line->entry);
	receipt_limits(m->work);
	line->receipt = *m->work->receipt;
	return line;
}

struct ledger_line *entry_write_last(const struct migration *m)
{
	struct ledger_line *line = begin(m);

	if (!line)
		return NULL;
	line->ended = true;
	work_concluded(m->work, &line->view);
	line->receipt = *m->work->receipt;
	return line;
}
