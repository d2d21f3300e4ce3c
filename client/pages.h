/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A list that the agent tells page by page, put together. */

#include "client/command.h"

struct pages {
	void *rows;		/* of the type that the reply's `list` has; without blobs */
	size_t n;
	bool more;		/* there are others */
};

/*
 * Ask, of a route whose query has `limit` and `cursor` and whose reply has `list` and
 * `next`, for all there is, or for `most` rows where that is not 0; ask->reply is then
 * the last page.  With --json each page is printed as it comes, and nothing is left to
 * do: returns 1 then, 0 when there is something to show.
 */
int pages_fetch(struct ask *ask, const struct question *question, size_t most, struct pages *ret, struct cf_error *err);

static inline void pages_clearp(struct pages *pages)
{
	free(pages->rows);
}
