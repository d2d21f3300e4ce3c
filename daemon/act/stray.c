/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/stray.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/ledger/ledger.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"

/* --- on a thread --- */

static void look_at(const struct act_context *context, const struct cf_domain *domain, struct strays *found)
{
	struct domain_standing standing;
	struct cf_stray stray = { 0 };

	if (domain_look(context->virt, domain->uuid, &standing, NULL) < 0 || !standing.active || !standing.moving ||
	    standing.starting)
		return;
	snprintf(stray.why, sizeof(stray.why), "%s", standing.job_active ? "libvirt has it on its way, unwatched"
									  : "it stands still, as a migration has left it");
	snprintf(stray.domain, sizeof(stray.domain), "%s", domain->name);
	snprintf(stray.uuid, sizeof(stray.uuid), "%s", domain->uuid);
	strays_add(found, &stray);
}

int strays_find(const struct act_context *context, struct strays *ret, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_domains *page = calloc(1, sizeof(*page));
	int r = 0;

	if (!page)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	do {
		r = domain_list(context->virt, page->next, CF_DOMAINS_MAX, page, err);
		for (size_t i = 0; r == 0 && i < page->n_list; i++)
			look_at(context, &page->list[i], ret);
	} while (r == 0 && page->has_next);
	return r;
}

/* --- the list of them --- */

bool strays_have(const struct strays *strays, const char *uuid)
{
	for (size_t i = 0; i < strays->n; i++)
		if (strcasecmp(strays->list[i].uuid, uuid) == 0)
			return true;

	return false;
}

void strays_add(struct strays *found, const struct cf_stray *stray)
{
	if (found->n < CF_COUNT(found->list) && !strays_have(found, stray->uuid))
		found->list[found->n++] = *stray;
}

static void say(struct migrations *all, const struct cf_stray *stray)
{
	char note[CF_DETAIL_ROOM];

	log_warning_about(LOG_ABOUT(.id = LOG_ID_MIGRATION_STRAY, .migration = stray->id, .domain = stray->domain),
			  "domain %s is in nobody's hands here since the ledger was lost: %s", stray->domain, stray->why);
	snprintf(note, sizeof(note), "%.60s is in nobody's hands here: %.140s", stray->domain, stray->why);
	ledger_note(all->context->ledger, note);
}

/* What another agent has of it may change, which is shown and is no news. */
void strays_tell(struct migrations *all, const struct strays *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (!strays_have(&all->strays, found->list[i].uuid))
			say(all, &found->list[i]);
	all->strays = *found;
}

static bool is_wanted(const struct cf_stray *stray, const struct cf_migrations_query *query)
{
	if (query->n_label > 0 || (query->has_state && strcmp(query->state, "open") != 0))
		return false;
	return migrations_asked_for(query, stray->domain, stray->uuid);
}

void migrations_strays(const struct migrations *all, const struct cf_migrations_query *query, struct cf_migrations *ret)
{
	ret->n_strays = 0;
	for (size_t i = 0; i < all->strays.n; i++)
		if (is_wanted(&all->strays.list[i], query))
			ret->strays[ret->n_strays++] = all->strays.list[i];
}

bool migrations_stray(const struct migrations *all, const char *id, char why[static CF_DETAIL_ROOM])
{
	for (size_t i = 0; i < all->strays.n; i++)
		if (all->strays.list[i].has_id && strcmp(all->strays.list[i].id, id) == 0) {
			snprintf(why, CF_DETAIL_ROOM, "%s", all->strays.list[i].why);
			return true;
		}

	return false;
}
