/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/foreign.h"

#include <string.h>

enum cf_departing cf_departing(const struct cf_departure *seen)
{
	bool certain = seen->switchover || seen->left;

	if (seen->taken_in || (seen->asked && (certain || seen->connected)))
		return CF_DEPARTING;
	if (!certain && (seen->failed || seen->sent || seen->ended))
		return CF_DEPARTING_NOT;
	return CF_DEPARTING_UNSURE;
}

/* Where events are missing, how the domain stands has to do. */
static enum cf_event by_standing(const struct cf_departure *seen)
{
	if (!seen->gap)
		return CF_N_EVENTS;
	if (seen->here == CF_HERE_ABSENT)
		return CF_EV_LANDED;
	return seen->here == CF_HERE_RUNNING ? CF_EV_KEPT : CF_N_EVENTS;
}

enum cf_event cf_departed(const struct cf_departure *seen)
{
	if (seen->left)
		return CF_EV_LANDED;
	if (seen->undone || seen->ended || (seen->failed && !seen->switchover))
		return CF_EV_KEPT;
	return by_standing(seen);
}

enum cf_news_of cf_newcomer(const struct cf_newcomer *seen, cf_span patience)
{
	if (seen->announced)
		return CF_NEWCOMER_KNOWN;
	if ((seen->landed || seen->gone || seen->gap) && cf_span_cmp(seen->since, patience) > 0)
		return CF_NEWCOMER_ALONE;
	return CF_NEWCOMER_WAITS;
}

const struct cf_outbound *cf_outbound_leaving(const struct cf_outbound *list, size_t n)
{
	const struct cf_outbound *found = NULL;

	for (const struct cf_outbound *at = list; at < list + n; at++) {
		if (at->port < CF_MIGRATION_PORT_MIN || at->port > CF_MIGRATION_PORT_MAX)
			continue;
		if (found && strcmp(found->address, at->address) != 0)
			return NULL;
		found = at;
	}
	return found;
}
