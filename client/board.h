/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Progress of several migrations: on a terminal with room for all a line for each,
 * written over; else a line for the one that has news, at most one a second of each.
 */

#include <stdio.h>

#include "proto/migration.h"

struct board_line {
	enum cf_phase phase;	/* what was said last, and when */
	bool over;
	cf_mono told;
};

struct board {
	FILE *to;		/* NULL: say nothing */
	bool live;
	size_t open;		/* lines that stand on the terminal, to be written over */
	size_t n;
	struct board_line *lines;	/* of each, in the order in which they are shown; the caller's, zeroed */
};

void board_begin(struct board *board, FILE *to, struct board_line *lines, size_t n);

/* All of them, as they stand now; those that have ended, too. */
void board_show(struct board *board, const struct cf_migration *const *list);

/* What follows is said below. */
void board_end(struct board *board);
