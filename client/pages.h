/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A list that the agent tells page by page, put together. */

#include "client/command.h"

struct pages {
	void *rows;		/* of the type that the reply's `list` has; without blobs */
	size_t n;
};

/*
 * Ask, of a route whose query is a cf_page_query and whose reply has `list` and
 * `next`, for all there is; ask->reply is then the last page.  With --json each page is printed as it comes, and
 * nothing is left to do: returns 1 then, 0 when there is something to show.
 */
int pages_fetch(struct ask *ask, const struct question *question, struct pages *ret, struct cf_error *err);

static inline void pages_clearp(struct pages *pages)
{
	free(pages->rows);
}
