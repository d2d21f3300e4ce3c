/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger was lost, and with it what was under way.  What the agents of the other hosts have of it (halves.h) is taken up here
 * once more, as far as that can do no harm (policy/recover.h), and told for the rest, whose receipts are fetched
 * when it has ended there.  Who does not answer is asked again.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/halves.h"
#include "daemon/act/migration.h"
#include "daemon/act/receipt.h"
#include "daemon/act/stray.h"
#include "daemon/act/terms.h"
#include "daemon/clock/kernel.h"
#include "daemon/digest.h"
#include "daemon/ledger/ledger.h"
#include "daemon/ledger/marks.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/worker.h"
#include "policy/phase.h"

#define ASK_AGAIN  ((cf_span){ 30 * CF_S })
#define TIMES_MOST 20

struct relearn {
	struct migrations *all;
	struct settings *settings;	/* as they were when it began */
	struct halves halves;
	struct strays domains;	/* that libvirt has on their way */
	bool has_domains;		/* it could be asked */
	struct strays strays;	/* what of all that is in nobody's hands here */
	bool looked;			/* libvirt has told once: what it has on its way since is no stray */
	bool told;			/* there were some */
	bool lost;			/* a file was there, and is not what it was */
	bool anew;			/* and once more since it began to ask */
	int times;
	struct sd_event_source *timer;
};

/* What both had agreed on. */
static void put_agreed(const struct cf_said *said, struct cf_receipt *ret)
{
	struct cf_both_limits both;

	cf_limits_both(&said->reservation.limits, said->reservation.source, &said->lease.limits, said->lease.host, &both);
	terms_override(&said->reservation, &said->lease, &both);
	receipt_put_limits(&both, ret);
	digest_limits(&both.limits, ret->policy.digest);
}

/* The source's receipt begins with it; a destination has none before that comes. */
static void put_receipt(const struct cf_said *said, const struct settings *settings, struct cf_receipt *ret)
{
	receipt_put_said(&said->reservation, &said->lease, ret);
	ret->has_stop = said->has_record && said->record.has_stop;
	ret->stop = said->record.stop;
	ret->stop_slack = settings->stop_slack;
}

/* The guest's clock, its STOP, and what the domain is between its starts. */
static void put_said(const struct cf_said *said, const struct settings *settings, struct ledger_line *line)
{
	struct cf_entry *entry = &line->entry;

	entry->reservation = said->reservation;
	entry->has_lease = true;
	entry->lease = said->lease;
	entry->has_record = said->has_record;
	entry->record = said->record;
	put_agreed(said, &line->receipt);
	if (line->view.side != CF_SOURCE)
		return;
	put_receipt(said, settings, &line->receipt);
	entry->has_at_stop = line->receipt.has_stop && said->record.has_raw_offset;
	entry->at_stop = said->record.raw_offset;
}

/* The same, as far as libvirt, the migration itself and this host's own policy tell it. */
static void put_seen(const struct half *half, const struct settings *settings, struct ledger_line *line)
{
	const struct cf_migration *view = &line->view;
	struct cf_reservation *reservation = &line->entry.reservation;
	const struct cf_limits *own = &settings_policy(settings, "")->limits;
	struct cf_both_limits limits;

	snprintf(reservation->domain, sizeof(reservation->domain), "%s", view->domain);
	snprintf(reservation->uuid, sizeof(reservation->uuid), "%s", view->uuid);
	snprintf(reservation->source, sizeof(reservation->source), "%s", view->source);
	snprintf(reservation->destination, sizeof(reservation->destination), "%s", view->destination);
	snprintf(reservation->driver, sizeof(reservation->driver), "%s", half->left.has_gate ? "gated" : "libvirt");
	reservation->n_labels = view->n_labels;
	memcpy(reservation->labels, view->labels, sizeof(reservation->labels));
	reservation->has_requester = view->has_requester;
	reservation->requester = view->requester;
	cf_limits_both(own, settings->host, own, settings->host, &limits);
	receipt_put_limits(&limits, &line->receipt);
	if (view->side != CF_SOURCE)
		return;
	line->receipt.has_persistence = true;
	line->receipt.persistence = half->persistence;
	snprintf(line->receipt.unmeasured[line->receipt.n_unmeasured++], CF_DETAIL_ROOM,
		 "whether %.60s was to start with %.60s, or what its clock was, is lost", view->domain, view->source);
}

/* As if the ledger had had it in that phase. */
static int take_up(struct relearn *relearn, const struct half *half, enum cf_phase as, struct cf_error *err)
{
	const struct cf_migration *theirs = &half->theirs;
	CF_AUTO(cf_free) struct ledger_line *line = calloc(1, sizeof(*line));
	struct cf_migration *view;

	if (!line)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	line->at = kernel_instant().real;
	view = &line->view;
	*view = *theirs;
	view->side = half->left.side;
	view->phase = as;
	view->has_progress = view->has_ahead = view->has_outcome = view->has_ended = false;
	snprintf(view->reason, sizeof(view->reason), "the ledger of %.80s was lost; %.80s had it as %s",
		 relearn->settings->host, half->peer, cf_phase_words[theirs->phase]);
	snprintf(line->peer, sizeof(line->peer), "%s", view->side == CF_SOURCE ? half->peer : theirs->source);
	kernel_boot_id(line->entry.boot, NULL);
	line->entry.entered = kernel_instant();
	line->entry.has_reservation = true;
	if (half->said)
		put_said(half->said, relearn->settings, line);
	else
		put_seen(half, relearn->settings, line);
	snprintf(line->entry.record.guest.uuid, sizeof(line->entry.record.guest.uuid), "%s", theirs->uuid);
	return migrations_take_up(relearn->all, line, err);
}

static void say(struct relearn *relearn, const struct half *half, enum cf_phase as)
{
	char note[CF_DETAIL_ROOM];

	snprintf(note, sizeof(note), "the migration of %.60s, %s at %.60s (%s), is taken up again as %s", half->theirs.domain,
		 half->left.ended ? "which ended" : "open", half->peer, cf_phase_words[half->theirs.phase], cf_phase_words[as]);
	log_warning_about(LOG_ABOUT(.migration = half->theirs.id, .domain = half->theirs.domain, .peer = half->peer),
			  "migration %s: the ledger was lost: %s", half->theirs.id, note);
	ledger_note(relearn->all->context->ledger, note);
}

static void add_stray(struct relearn *relearn, const struct half *half)
{
	struct cf_stray stray = { .has_id = true };

	snprintf(stray.domain, sizeof(stray.domain), "%s", half->theirs.domain);
	snprintf(stray.uuid, sizeof(stray.uuid), "%s", half->theirs.uuid);
	snprintf(stray.id, sizeof(stray.id), "%s", half->theirs.id);
	snprintf(stray.why, sizeof(stray.why), "%.60s has a migration of it %s (%s), which is lost here", half->peer,
		 half->left.ended ? "that ended" : "open", cf_phase_words[half->theirs.phase]);
	strays_add(&relearn->strays, &stray);
}

static enum cf_phase phase_of(const struct relearn *relearn, const struct half *half)
{
	if (!relearn->all->recovered || migrations_hold(relearn->all, half->theirs.uuid))
		return CF_PHASE_UNKNOWN;
	return cf_relearn(&half->left);
}

/* Its guest is not here any more, and nobody says that it ever was elsewhere: there is nothing to be done, and its receipt is found. */
static void give_up(struct relearn *relearn, const struct half *half)
{
	if (relearn->all->recovered && half->left.ended && half->left.here == CF_HERE_ABSENT && cf_relearn(&half->left) == CF_PHASE_UNKNOWN)
		mark_forget(relearn->all->context->decisions, half->theirs.id);
}

static void take(struct relearn *relearn, const struct half *half)
{
	struct migrations *all = relearn->all;
	enum cf_phase as = phase_of(relearn, half);
	struct cf_error err = { 0 };

	if (migrations_find(all, half->theirs.id, &(struct migration *){ NULL }, NULL) == 0)
		return;
	if (as != CF_PHASE_UNKNOWN && take_up(relearn, half, as, &err) == 0) {
		say(relearn, half, as);
		return;
	}
	if (*err.text)
		log_error_about(LOG_ABOUT(.migration = half->theirs.id), "migration %s cannot be taken up: %s", half->theirs.id, err.text);
	give_up(relearn, half);
	add_stray(relearn, half);
}

/* Of those that libvirt has on their way: what has been taken up, or has begun since, is nobody's stray. */
static void take_domains(struct relearn *relearn)
{
	const struct strays *domains = &relearn->domains;

	for (size_t i = 0; i < domains->n; i++)
		if (!migrations_hold(relearn->all, domains->list[i].uuid) &&
		    (!relearn->looked || strays_have(&relearn->all->strays, domains->list[i].uuid)))
			strays_add(&relearn->strays, &domains->list[i]);
	for (size_t i = 0; !relearn->has_domains && i < relearn->all->strays.n; i++)	/* libvirt did not tell: they are so still */
		if (!migrations_hold(relearn->all, relearn->all->strays.list[i].uuid))
			strays_add(&relearn->strays, &relearn->all->strays.list[i]);
	relearn->looked |= relearn->has_domains;
}

static void begin(struct relearn *relearn);

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct relearn *relearn = userdata;

	(void)source, (void)usec;
	relearn->timer = sd_event_source_unref(relearn->timer);
	begin(relearn);
	return 0;
}

/* What has begun since the last time may be lost now. */
static void ask_anew(struct relearn *relearn)
{
	relearn->timer = sd_event_source_disable_unref(relearn->timer);
	relearn->anew = relearn->looked = false;
	relearn->lost = true;
	relearn->times = 0;
	begin(relearn);
}

static void discard(struct relearn *relearn)
{
	sd_event_source_disable_unref(relearn->timer);
	halves_clear(&relearn->halves);
	settings_free(relearn->settings);
	free(relearn);
}

static void end(struct relearn *relearn)
{
	relearn->all->relearn = NULL;
	relearn->all->strays.n = 0;
	discard(relearn);
}

static void take_all(void *userdata)
{
	struct relearn *relearn = userdata;
	struct migrations *all = relearn->all;

	if (!all) {
		discard(relearn);
		return;
	}
	if (relearn->anew) {
		ask_anew(relearn);
		return;
	}
	relearn->strays.n = 0;
	for (size_t i = 0; i < relearn->halves.n; i++)
		take(relearn, &relearn->halves.list[i]);
	take_domains(relearn);
	strays_tell(all, &relearn->strays);
	relearn->told |= all->strays.n > 0;
	if ((all->strays.n > 0 || (*relearn->halves.why && ++relearn->times < TIMES_MOST)) &&
	    sd_event_add_time_relative(loop_sd(all->context->loop), &relearn->timer, CLOCK_MONOTONIC, ASK_AGAIN.ns / CF_US, 0,
				       on_time, relearn) >= 0)
		return;
	if (relearn->told || all->unrestored)	/* they have ended by now: there are receipts of them; or peers are back */
		migrations_restore(all);
	end(relearn);
	migrations_settle(all);
}

/* On a thread. */
static void ask(void *userdata)
{
	struct relearn *relearn = userdata;
	struct cf_error err = { 0 };

	halves_find(&relearn->halves);
	relearn->domains.n = 0;
	if ((relearn->lost || relearn->halves.unsettled) && strays_find(relearn->halves.context, &relearn->domains, &err) < 0)
		snprintf(relearn->halves.why, sizeof(relearn->halves.why), "which domains are on their way is not known: %.190s", err.text);
	relearn->has_domains = !*err.text;
}

static void begin(struct relearn *relearn)
{
	struct cf_error err = { 0 };

	if (worker_run(relearn->all->context->loop, ask, take_all, relearn, &err) == 0)
		return;
	log_warning("what was under way when the ledger was lost is not asked for: %s", err.text);
	end(relearn);
}

void migrations_relearn(struct migrations *all, bool lost)
{
	struct relearn *relearn = all->relearn;

	if (relearn) {
		relearn->anew |= lost;
		if (relearn->anew && relearn_waits(all))
			ask_anew(relearn);
		return;
	}
	relearn = calloc(1, sizeof(*relearn));
	if (!relearn)
		return;
	all->relearn = relearn;
	relearn->all = all;
	relearn->lost = lost;
	relearn->settings = settings_hold(all->context->settings);
	relearn->halves = (struct halves){ .context = all->context, .settings = relearn->settings };
	begin(relearn);
}

bool relearn_waits(const struct migrations *all)
{
	return all->relearn && all->relearn->timer;
}

/* One that is asking just now has its thread: it is left to that, and then nobody wants to know. */
void relearn_end(struct migrations *all)
{
	if (relearn_waits(all))
		end(all->relearn);
	else if (all->relearn)
		all->relearn->all = NULL;
}
