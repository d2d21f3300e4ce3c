/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "daemon/act/check.h"
#include "daemon/act/departure.h"
#include "daemon/act/migration.h"
#include "daemon/act/record.h"
#include "daemon/act/terms.h"
#include "daemon/clock/kernel.h"
#include "daemon/digest.h"
#include "daemon/log.h"
#include "daemon/loop.h"

#define LOOK_EVERY ((cf_span){ 250 * CF_MS })
#define PATIENCE   ((cf_span){ 3 * CF_S })	/* for the source's agent, once the guest is here or will not be */

struct newcomer {
	struct newcomer *next;
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	struct guest_watch *watch;
	bool settled;		/* it is here, or will not be, or nobody heard */
	cf_mono since;		/* then: when that was seen */
};

struct foreign {
	struct migrations *all;
	struct newcomer *newcomers;
	struct departure *departures;
	struct sd_event_source *timer;
};

/* What was heard, on its way to the loop. */
struct word {
	struct foreign *foreign;
	enum virt_what what;
	cf_mono at;
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
};

/* --- to here --- */

static struct newcomer **find_newcomer(struct foreign *foreign, const char *uuid)
{
	struct newcomer **at = &foreign->newcomers;

	while (*at && strcmp((*at)->uuid, uuid) != 0)
		at = &(*at)->next;
	return at;
}

static void forget_newcomer(struct newcomer **at)
{
	struct newcomer *gone = *at;

	*at = gone->next;
	guest_watch_free(gone->watch);
	free(gone);
}

bool foreign_comes_in(struct foreign *foreign, const char *uuid)
{
	return *find_newcomer(foreign, uuid);
}

struct guest_watch *foreign_announced(struct foreign *foreign, const char *uuid)
{
	struct newcomer **at = find_newcomer(foreign, uuid);
	struct guest_watch *watch;

	if (!*at)
		return NULL;
	watch = CF_TAKE((*at)->watch);
	forget_newcomer(at);
	return watch;
}

/* Nobody else will say anything of it: what this host sees of it is all there will be.  It is off the list then. */
static void take_alone(struct foreign *foreign, struct newcomer **at)
{
	const struct act_context *context = foreign->all->context;
	const struct newcomer *newcomer = *at;
	struct cf_reservation reservation = { 0 };
	char id[CF_UUID_ROOM];
	struct migration *migration;
	struct cf_lease lease = { 0 };
	struct cf_error err = { 0 };
	struct virt_host host;
	struct own_terms own;
	sd_id128_t random = SD_ID128_NULL;
	int r;

	terms_own(context->settings, NULL, NULL, &own);
	lease.limits = reservation.limits = own.limits;
	lease.granted = lease.has_policy = true;
	gather_report(context, &lease.report);
	snprintf(lease.policy, sizeof(lease.policy), "%s", own.policy);
	snprintf(lease.host, sizeof(lease.host), "%s", context->settings->host);
	snprintf(lease.agent, sizeof(lease.agent), "%s", VERSION_TEXT);
	if (virt_host(context->virt, &host)) {
		snprintf(lease.libvirt, sizeof(lease.libvirt), "%s", host.libvirt);
		snprintf(lease.emulator, sizeof(lease.emulator), "%s", host.emulator);
	}
	snprintf(reservation.domain, sizeof(reservation.domain), "%s", newcomer->name);
	snprintf(reservation.uuid, sizeof(reservation.uuid), "%s", newcomer->uuid);
	snprintf(reservation.destination, sizeof(reservation.destination), "%s", context->settings->host);
	snprintf(reservation.driver, sizeof(reservation.driver), "%s", drive_foreign.name);
	r = sd_id128_randomize(&random);
	if (r < 0)
		cf_fail(&err, -r, CF_HOST, "no random numbers: %s", strerror(-r));
	snprintf(id, sizeof(id), SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(random));
	if (r == 0)
		r = migrations_expect(foreign->all, id, &reservation, &lease, "", &migration, &err);
	if (r == 0)
		return;		/* by foreign_announced() */
	log_warning_about(LOG_ABOUT(.domain = newcomer->name),
			  "domain %s was moved here by another manager, and is not watched: %s", newcomer->name, err.text);
	forget_newcomer(at);
}

static bool is_alone(struct newcomer *newcomer)
{
	struct guest_events events;
	struct cf_newcomer seen = { 0 };

	guest_watch_read(newcomer->watch, &events);
	seen.landed = events.landed;
	seen.gone = events.gone != GUEST_HERE;
	seen.gap = events.gap;
	if ((seen.landed || seen.gone || seen.gap) && !newcomer->settled) {
		newcomer->settled = true;
		newcomer->since = kernel_raw();
	}
	seen.since = newcomer->settled ? cf_mono_since(kernel_raw(), newcomer->since) : (cf_span){ 0 };
	return cf_newcomer(&seen, PATIENCE) == CF_NEWCOMER_ALONE;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct foreign *foreign = userdata;
	struct newcomer **at = &foreign->newcomers;

	(void)usec;
	while (*at)
		if (is_alone(*at))
			take_alone(foreign, at);
		else
			at = &(*at)->next;
	sd_event_source_set_time_relative(source, LOOK_EVERY.ns / CF_US);
	sd_event_source_set_enabled(source, foreign->newcomers ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

static void wake(struct foreign *foreign)
{
	if (!foreign->timer) {
		sd_event_add_time_relative(loop_sd(foreign->all->context->loop), &foreign->timer, CLOCK_MONOTONIC,
					   LOOK_EVERY.ns / CF_US, 0, on_time, foreign);
		return;
	}
	sd_event_source_set_time_relative(foreign->timer, LOOK_EVERY.ns / CF_US);
	sd_event_source_set_enabled(foreign->timer, SD_EVENT_ONESHOT);
}

static void on_arriving(struct foreign *foreign, const struct word *word)
{
	struct newcomer *newcomer;
	struct cf_error err = { 0 };

	for (struct departure *d = foreign->departures; d; d = d->next)
		if (strcmp(d->uuid, word->uuid) == 0)	/* its QEMU began to take in, not to send */
			atomic_store(&d->leave, true);
	if (migrations_move(foreign->all, word->uuid, CF_DESTINATION))
		return;
	if (*find_newcomer(foreign, word->uuid))	/* of an earlier attempt */
		forget_newcomer(find_newcomer(foreign, word->uuid));
	newcomer = calloc(1, sizeof(*newcomer));
	if (!newcomer)
		return;
	if (guest_watch_new(foreign->all->context->virt, word->uuid, CF_DESTINATION, &newcomer->watch, &err) < 0) {
		log_warning_about(LOG_ABOUT(.domain = word->name),
				  "domain %s comes in by another manager's order, and is not watched: %s", word->name, err.text);
		free(newcomer);
		return;
	}
	memcpy(newcomer->name, word->name, sizeof(newcomer->name));
	memcpy(newcomer->uuid, word->uuid, sizeof(newcomer->uuid));
	newcomer->next = foreign->newcomers;
	foreign->newcomers = newcomer;
	wake(foreign);
}

/* --- from here --- */

/* By this host's policy: nobody has told the other's. */
static void judge_alone(const struct departure *d, struct work *work)
{
	const struct cf_domain_evidence *evidence = &d->domain.evidence;
	struct cf_policy_used *policy = &work->receipt->policy;
	const char *host = work->settings->host;
	struct own_terms own;

	terms_own(work->settings, evidence->has_policy ? evidence->policy : NULL, NULL, &own);
	work->reservation.limits = own.limits;
	cf_limits_both(&own.limits, host, &own.limits, host, &work->limits);
	work->receipt->has_policy = true;
	policy->domains_choice = own.domains_choice;
	snprintf(policy->source, sizeof(policy->source), "%s", own.policy);
	digest_limits(&own.limits, policy->digest);
}

/* What the departure has found out is the migration's now. */
static void hand_over(struct departure *d, struct work *work)
{
	const struct gathered_pair *pair = &d->pair;
	struct cf_receipt *receipt = work->receipt;

	work->driver = &drive_foreign;
	work->watch = CF_TAKE(d->watch);
	work->drive = CF_TAKE(d->drive);
	work->looker = CF_TAKE(d->looker);
	record_begin(work, &d->domain.guest);
	work->reservation = pair->reservation;
	snprintf(work->reservation.domain, sizeof(work->reservation.domain), "%s", d->name);
	snprintf(work->reservation.uuid, sizeof(work->reservation.uuid), "%s", d->uuid);
	snprintf(work->reservation.driver, sizeof(work->reservation.driver), "%s", drive_foreign.name);
	snprintf(work->reservation.destination, sizeof(work->reservation.destination), "%s", *d->peer ? d->peer : d->address);
	receipt->has_source_report = true;
	receipt->source_report = d->domain.report;
	memcpy(work->alone, d->why, sizeof(work->alone));
	if (!*d->peer) {
		judge_alone(d, work);
		return;
	}

	work->alone[0] = '\0';
	check_keep_pair(work, pair);
	cf_limits_both(&work->reservation.limits, work->settings->host, &work->lease.limits, work->reservation.destination,
		       &work->limits);
}

static void show(const struct departure *d, struct work *work)
{
	struct cf_migration *shown = work_show_begin(work);

	snprintf(shown->domain, sizeof(shown->domain), "%s", d->name);
	snprintf(shown->uuid, sizeof(shown->uuid), "%s", d->uuid);
	snprintf(shown->source, sizeof(shown->source), "%s", work->settings->host);
	snprintf(shown->destination, sizeof(shown->destination), "%s", work->reservation.destination);
	shown->started = d->began.real;
	if (*d->peer)
		check_show_pair(shown, &d->pair, work->limits.limits.max_blackout);
	work_show_end(work);
}

static int take(struct migrations *all, struct departure *d, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	struct migration *taken;
	int r;

	r = migration_new(&m, all, all->context, CF_SOURCE, d->id, err);
	if (r == 0)
		r = migration_hire(m, err);
	if (r < 0)
		return r;
	snprintf(m->uuid, sizeof(m->uuid), "%s", d->uuid);
	snprintf(m->request.domain, sizeof(m->request.domain), "%s", d->name);
	hand_over(d, m->work);
	snprintf(m->peer, sizeof(m->peer), "%s", m->work->reservation.destination);
	snprintf(m->request.destination, sizeof(m->request.destination), "%s", m->peer);
	show(d, m->work);
	log_notice_about(LOG_ABOUT(.migration = m->id, .domain = d->name, .peer = m->peer),
			 "another manager moves %s to %s: it is watched", d->name,
			 *m->peer ? m->peer : "nobody here knows where");

	taken = m;
	migrations_add(all, CF_TAKE(m));
	migration_watch(taken);
	return 0;
}

static void on_found(void *userdata, struct departure *d)
{
	struct foreign *foreign = userdata;
	struct departure **at = &foreign->departures;
	struct cf_error err = { 0 };

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (d->is == CF_DEPARTING && !migrations_move(foreign->all, d->uuid, CF_SOURCE) && take(foreign->all, d, &err) < 0)
		log_warning_about(LOG_ABOUT(.domain = d->name), "another manager moves %s, and it is not watched: %s", d->name,
				  err.text);
	departure_free(d);
}

/* The QEMU of a domain that comes in says the same, until the guest runs here; it may leave again at once. */
static bool was_coming(struct foreign *foreign, const struct word *word)
{
	struct newcomer *newcomer = *find_newcomer(foreign, word->uuid);
	struct guest_events events;

	if (!newcomer)
		return migrations_move(foreign->all, word->uuid, CF_DESTINATION);
	guest_watch_read(newcomer->watch, &events);
	return !events.has_resume_known || cf_mono_cmp(word->at, events.resume_known) < 0;
}

static void on_sending(struct foreign *foreign, const struct word *word)
{
	struct departure *fresh;
	struct cf_error err = { 0 };

	if (was_coming(foreign, word) || migrations_move(foreign->all, word->uuid, CF_SOURCE))
		return;
	for (struct departure *d = foreign->departures; d; d = d->next)
		if (strcmp(d->uuid, word->uuid) == 0)
			return;
	if (departure_new(&fresh, foreign->all->context, word->name, word->uuid, on_found, foreign, &err) < 0) {
		log_warning_about(LOG_ABOUT(.domain = word->name), "what another manager does with %s is not watched: %s",
				  word->name, err.text);
		return;
	}
	fresh->next = foreign->departures;
	foreign->departures = fresh;
}

/* --- both --- */

static void on_word(void *userdata)
{
	struct word *word = userdata;

	bool measure = word->foreign->all->context->settings->guard.measure;

	if (word->what == VIRT_LANDED)
		migrations_landed(word->foreign->all, word->uuid);
	if (measure && word->what == VIRT_ARRIVING)
		on_arriving(word->foreign, word);
	if (measure && word->what == VIRT_SENDING)
		on_sending(word->foreign, word);
	free(word);
}

void foreign_hear(struct foreign *foreign, const struct virt_news *news)
{
	struct word *word;

	if (news->what != VIRT_ARRIVING && news->what != VIRT_LANDED && news->what != VIRT_SENDING)
		return;
	word = calloc(1, sizeof(*word));
	if (!word)
		return;
	word->foreign = foreign;
	word->what = news->what;
	word->at = news->at.raw;
	snprintf(word->name, sizeof(word->name), "%s", news->name);
	snprintf(word->uuid, sizeof(word->uuid), "%s", news->uuid);
	loop_post(foreign->all->context->loop, on_word, word);
}

int foreign_new(struct foreign **ret, struct migrations *all, struct cf_error *err)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));

	if (!foreign)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	foreign->all = all;
	*ret = foreign;
	return 0;
}

void foreign_free(struct foreign *foreign)
{
	if (!foreign)
		return;

	sd_event_source_disable_unref(foreign->timer);
	for (struct departure *d = foreign->departures; d; d = d->next)
		atomic_store(&d->leave, true);	/* all of them, before the first is waited for */
	while (foreign->departures) {
		struct departure *d = foreign->departures;

		foreign->departures = d->next;
		departure_free(d);
	}
	while (foreign->newcomers)
		forget_newcomer(&foreign->newcomers);
	free(foreign);
}
