/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/queue.h"

#include <string.h>

static bool goes_before(const struct cf_queued *a, const struct cf_queued *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->ticket < b->ticket;
}

bool cf_queue_is_held(const struct cf_queued *queued, size_t n, size_t which)
{
	for (size_t i = 0; i < n; i++)
		if (queued[i].held && strcmp(queued[i].destination, queued[which].destination) == 0 &&
		    (i == which || goes_before(&queued[i], &queued[which])))
			return true;

	return false;
}

size_t cf_queue_next(const struct cf_queued *queued, size_t n, size_t leaving,
		     const struct cf_queue_limits *limits)
{
	size_t next = n;

	if ((int64_t)leaving >= limits->outgoing)
		return n;
	for (size_t i = 0; i < n; i++)
		if ((next == n || goes_before(&queued[i], &queued[next])) && !cf_queue_is_held(queued, n, i))
			next = i;
	return next;
}

size_t cf_queue_ahead(const struct cf_queued *queued, size_t n, size_t which)
{
	size_t ahead = 0;

	for (size_t i = 0; i < n; i++)
		ahead += goes_before(&queued[i], &queued[which]);
	return ahead;
}

bool cf_queue_admits(size_t waiting, size_t leaving, const struct cf_queue_limits *limits)
{
	return (int64_t)waiting < limits->queued || (waiting == 0 && (int64_t)leaving < limits->outgoing);
}
