/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger was lost, and with it perhaps what was under way: libvirt still knows which
 * domains are.  By whose order and to where it cannot say, so that nothing is done about
 * them but to say so; libvirt brings them to their end.
 */

#include <stdio.h>
#include <stdlib.h>

#include "daemon/act/migration.h"
#include "daemon/ledger/ledger.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "daemon/worker.h"

#define VIRT_PATIENCE ((cf_span){ 60 * CF_S })
#define STRAYS_MAX    64

struct search {
	struct migrations *all;
	struct cf_domains page;
	struct cf_domain found[STRAYS_MAX];
	size_t n;
	int result;
	struct cf_error err;
};

static void look_at(struct search *search, const struct cf_domain *domain)
{
	struct domain_standing standing;

	if (domain_look(search->all->context->virt, domain->uuid, &standing, NULL) == 0 && standing.active &&
	    standing.moving && search->n < STRAYS_MAX)
		search->found[search->n++] = *domain;
}

/* On a thread. */
static void look(void *userdata)
{
	struct search *search = userdata;
	struct cf_domains *page = &search->page;

	search->result = virt_wait(search->all->context->virt, VIRT_PATIENCE, &search->err);
	do {
		if (search->result == 0)
			search->result = domain_list(search->all->context->virt, page->next, CF_DOMAINS_MAX, page, &search->err);
		for (size_t i = 0; search->result == 0 && i < page->n_list; i++)
			look_at(search, &page->list[i]);
	} while (search->result == 0 && page->has_next);
}

static void say(struct migrations *all, const struct cf_domain *domain)
{
	char note[CF_DETAIL_ROOM];

	log_warning_about(LOG_ABOUT(.id = LOG_ID_MIGRATION_STRAY, .domain = domain->name),
			  "domain %s is on its way, and what the ledger had of that is lost: libvirt goes on with it, unwatched",
			  domain->name);
	snprintf(note, sizeof(note), "%.60s was on its way then", domain->name);
	ledger_note(all->context->ledger, note);
}

/* Those that have been taken up, or have begun since, are nobody's strays. */
static void tell(void *userdata)
{
	struct search *search = userdata;

	for (size_t i = 0; i < search->n; i++)
		if (!migrations_hold(search->all, search->found[i].uuid))
			say(search->all, &search->found[i]);
	if (search->result < 0)
		log_warning("which domains were on their way when the ledger was lost is not known: %s", search->err.text);
	free(search);
}

void migrations_find_strays(struct migrations *all)
{
	struct search *search = calloc(1, sizeof(*search));
	struct cf_error err = { 0 };

	if (!search)
		return;
	search->all = all;
	if (worker_run(all->context->loop, look, tell, search, &err) < 0) {
		log_warning("which domains were on their way when the ledger was lost is not known: %s", err.text);
		free(search);
	}
}
